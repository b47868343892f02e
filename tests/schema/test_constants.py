import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from schema_samples import csr, densify, sparse_blocks, sparse_rows, strings

from qref.schema import DimensionMetadata, GraphBuilder, InvalidModel, Sparsity, TensorType, load, pack, write
from qref.schema.packing import unpack_elements

RANGES = {TensorType.INT4: (-8, 7), TensorType.UINT4: (0, 15), TensorType.INT2: (-2, 1)}
WHOLE = [t for t in TensorType if t.bits >= 8 and t.dtype is not None and t is not TensorType.RESOURCE]


def constant(array, type_, data=None, **tensor):
    graph = GraphBuilder()
    index = graph.constant("c", array, type_, data=data, **tensor)
    model = load(write(graph.model([])))
    return model.data(model.subgraphs[0].tensors[index])


def test_int4_is_packed_low_nibble_first():
    assert pack(np.array([1, -1, -8], np.int8), TensorType.INT4) == bytes([0xF1, 0x08])
    assert constant(np.zeros(3, np.int8), TensorType.INT4, data=bytes([0xF1, 0x08])).tolist() == [1, -1, -8]


def test_int2_is_packed_lowest_bits_first():
    assert pack(np.array([1, -2, 0, -1, 1], np.int8), TensorType.INT2) == bytes([0b11_00_10_01, 0b01])


@given(st.data())
@pytest.mark.parametrize("type_", RANGES)
def test_packed_integers_come_back(type_, data):
    low, high = RANGES[type_]
    shape = data.draw(arrays.array_shapes(max_dims=3, max_side=5))
    array = data.draw(arrays.arrays(type_.dtype, shape, elements=st.integers(low, high)))
    packed = pack(array, type_)
    assert len(packed) == -(-array.size * type_.bits // 8)
    back = constant(array, type_)
    assert back.dtype == type_.dtype
    np.testing.assert_array_equal(back, array)


@pytest.mark.parametrize("type_", WHOLE, ids=lambda t: t.name)
def test_elements_of_whole_bytes_come_back(type_):
    array = np.array([[0, 1, 2], [3, 100, 1]]).astype(type_.dtype)
    back = constant(array, type_)
    assert back.dtype == array.dtype
    np.testing.assert_array_equal(back, array)
    assert not back.flags.writeable


@pytest.mark.parametrize(
    ("type_", "name"),
    [(TensorType.BFLOAT16, "bfloat16"), (TensorType.FLOAT8_E4M3FN, "float8_e4m3fn"), (TensorType.FLOAT8_E5M2, "float8_e5m2")],
)
def test_short_floats_are_those_of_ml_dtypes(type_, name):
    dtype = np.dtype(getattr(pytest.importorskip("ml_dtypes"), name))
    codes = np.arange(1 << 8 * dtype.itemsize).astype(np.uint16 if dtype.itemsize == 2 else np.uint8)
    values = unpack_elements(codes.tobytes(), type_)
    assert values.dtype == np.float32
    np.testing.assert_array_equal(values, codes.view(dtype).astype(np.float32))
    rng = np.random.default_rng(0)
    with np.errstate(all="ignore"):
        middles = (values[:-1].astype(float) + values[1:]) / 2
        real = np.concatenate([values, middles, rng.normal(size=9999) * 10.0 ** rng.integers(-9, 9, 9999)]).astype(np.float32)
        packed = np.frombuffer(pack(real, type_), codes.dtype).view(dtype).astype(np.float32)
        np.testing.assert_array_equal(packed, real.astype(dtype).astype(np.float32))


@pytest.mark.parametrize("type_", [TensorType.INT8, TensorType.INT4, TensorType.INT2, TensorType.UINT8, TensorType.INT16])
def test_values_that_do_not_fit_are_refused(type_):
    with pytest.raises(InvalidModel, match=f"{type_.name} holds integers from"):
        pack(np.array([0, 1 << 20]), type_)
    with pytest.raises(InvalidModel, match="found float64"):
        pack(np.array([0.5]), type_)


def test_strings_come_back_as_bytes():
    model = load(write(strings()))
    words = model.data(model.subgraphs[0].tensors[1])
    assert words.tolist() == [[b"quantized", b""], [b"\xff\x00", "größer".encode()]]


@pytest.mark.parametrize(
    "data", [b"", b"\x01", b"\xff\xff\xff\x7f", bytes(8), b"\x01\0\0\0\x0c\0\0\0\x63\0\0\0a", b"\1\0\0\0\x0d\0\0\0\x0c\0\0\0a"]
)
def test_a_string_buffer_with_wrong_offsets_is_refused(data):
    if not data:
        assert constant(np.array(["a"], object), None, data=data) is None
        return
    with pytest.raises(InvalidModel, match=r"tensor 0 \(c\): expected .*, found"):
        constant(np.array(["a"], object), None, data=data)


def test_an_empty_buffer_and_buffer_0_are_no_constant():
    graph = GraphBuilder()
    index = graph.tensor("t", TensorType.FLOAT32, (0,))
    model = graph.model([index])
    assert model.data(model.subgraphs[0].tensors[0]) is None
    assert constant(np.zeros(0, np.float32), None) is None


def test_a_longer_buffer_than_the_shape_needs_is_cut():
    assert constant(np.zeros(2, np.int16), None, data=np.arange(5, dtype=np.int16).tobytes() + b"x").tolist() == [0, 1]


def test_a_scalar_constant_has_rank_0():
    assert constant(np.float32(2.5), None).shape == ()


def test_sparse_rows_are_densified_as_drawn():
    model = sparse_rows()
    dense = model.data(model.subgraphs[0].tensors[1])
    assert dense.tolist() == [[0, 1, 0, 0], [2, 0, 0, 3], [0, 0, 0, 0]]


def test_sparse_blocks_are_densified_as_drawn():
    model = sparse_blocks()
    dense = model.data(model.subgraphs[0].tensors[1])
    assert dense.tolist() == [[0, 0, 3, 4], [1, 2, 0, 0], [0, 0, 5, 6]]


def random_sparse(rng, dtype):
    """A random matrix in a random TFLite sparse format, with its dense form."""
    blocks = rng.integers(1, 4, 2)
    grid = rng.integers(1, 5, 2)
    shape = tuple(int(n) for n in blocks * grid)
    kept = rng.random(tuple(grid)) < 0.5
    dense = rng.integers(1, 100, shape).astype(dtype) * np.kron(kept, np.ones(blocks, int)).astype(dtype)
    split = dense.reshape(grid[0], blocks[0], grid[1], blocks[1]).transpose(0, 2, 1, 3)
    order = [0, 1] if rng.random() < 0.5 else [1, 0]
    if order == [1, 0]:
        split, kept = split.swapaxes(0, 1), kept.T
    index_type = rng.choice([np.uint8, np.uint16, np.int32])
    rows = [np.flatnonzero(row) for row in kept]
    segments = np.cumsum([0, *map(len, rows)])
    levels = [DimensionMetadata(0, len(kept)), csr(segments, np.concatenate(rows), index_type)]
    levels += [DimensionMetadata(0, int(size)) for size in blocks]
    values = split[kept].reshape(-1)
    return values, shape, Sparsity((*order, 2, 3), (0, 1), tuple(levels)), dense


def test_sparse_matrices_are_densified_as_by_litert(run_litert):
    rng = np.random.default_rng(3)
    cases = [case for dtype in (np.float32, np.int8) * 20 if (case := random_sparse(rng, dtype))[0].size]
    models = [densify(values, shape, sparsity, values.dtype) for values, shape, sparsity, _ in cases]
    for model, (*_, dense), answer in zip(models, cases, run_litert([write(model) for model in models])):
        found = model.data(model.subgraphs[0].tensors[1])
        np.testing.assert_array_equal(found, dense)
        assert not isinstance(answer, str), answer
        np.testing.assert_array_equal(answer[0][2], dense)


ROWS = (DimensionMetadata(0, 3), csr([0, 1, 3, 3], [1, 0, 3]))


@pytest.mark.parametrize(
    "sparsity",
    [
        Sparsity((0,), (), ROWS[:1]),
        Sparsity((0, 0), (), ROWS),
        Sparsity((0, 1, 2), (), ROWS),
        Sparsity((0, 1, 2), (5,), (*ROWS, DimensionMetadata(0, 2))),
        Sparsity((0, 1, 2), (1,), (*ROWS, DimensionMetadata(0, 3))),
        Sparsity((0, 1, 2), (1,), (*ROWS, DimensionMetadata(0, 0))),
        Sparsity((0, 1), (), (DimensionMetadata(0, (1 << 31) - 1), ROWS[1])),
        Sparsity((0, 1), (), (DimensionMetadata(7, 3), ROWS[1])),
        Sparsity((0, 1), (), (ROWS[0], csr([0, 1, 3], [1, 0, 3]))),
        Sparsity((0, 1), (), (ROWS[0], csr([0, 3, 1, 3], [1, 0, 3]))),
        Sparsity((0, 1), (), (ROWS[0], csr([1, 1, 3, 3], [1, 0, 3]))),
        Sparsity((0, 1), (), (ROWS[0], csr([0, 1, 3, 3], [1, 0, 4]))),
        Sparsity((0, 1), (), (ROWS[0], csr([0, 1, 3, 3], [1, -1, 3]))),
        Sparsity((0, 1), (), (ROWS[0], csr([0, 1, 2, 2], [1, 0]))),
        Sparsity((0, 1), (), (ROWS[0], DimensionMetadata(1))),
    ],
)
def test_a_sparse_tensor_whose_tree_does_not_fit_is_refused(sparsity):
    model = load(write(densify([1, 2, 3], (3, 4), sparsity)))
    with pytest.raises(InvalidModel, match=r"tensor 1 \(sparse\): sparse tensor: expected .*, found"):
        model.data(model.subgraphs[0].tensors[1])
