"""Operators that few models have: complex numbers, HASHTABLE_LOOKUP, REDUCE_WINDOW, STABLEHLO_*."""

from __future__ import annotations

import numpy as np
import pytest
from explanations import check_some_explanations
from flatbuffers import flexbuffers
from one_operator import T, both_refuse, compare, const, every, model_of, refusal
from oracle import assert_equals_litert, needs_litert

from qref.schema import DimensionMetadata, GraphBuilder, Sparsity, TensorType

F32, I32, I64, BOOL, U8, I8, C64 = (
    TensorType.FLOAT32,
    TensorType.INT32,
    TensorType.INT64,
    TensorType.BOOL,
    TensorType.UINT8,
    TensorType.INT8,
    TensorType.COMPLEX64,
)
RNG = np.random.default_rng(0)


@needs_litert
@pytest.mark.parametrize("name", ["REAL", "IMAG", "COMPLEX_ABS"])
def test_parts_of_complex_numbers(name):
    x = (RNG.normal(size=5000) * 10.0 ** RNG.integers(-20, 20, 5000) + 1j * RNG.normal(size=5000)).astype(np.complex64)
    compare(model_of(name, [T(C64, (5000,))], [T(F32)]), x)
    assert "COMPLEX64" in refusal(model_of(name, [T(F32, (2,))], [T(F32)]), np.zeros(2, np.float32))


@needs_litert
@pytest.mark.parametrize("type", [F32, I32])
def test_hashtable_lookup_gives_zeros_for_unknown_keys(type):
    keys, table = const([-3, 0, 4, 9]), const(every(RNG, type, (4, 3)), type.dtype)
    model = model_of("HASHTABLE_LOOKUP", [T(I32, (5,)), keys, table], [T(type), T(U8)])
    compare(model, np.array([9, 1, -3, 0, 100], np.int32))


def test_hashtable_lookup_refuses_keys_out_of_order():
    table = const(np.zeros((2, 3)), np.float32)
    model = model_of("HASHTABLE_LOOKUP", [T(I32, (1,)), const([4, 1]), table], [T(F32), T(U8)])
    assert "rising order" in refusal(model, np.zeros(1, np.int32))


def windows(type, shape, function, start, window, strides, dilations):
    numbers = [const(v, np.int64) for v in (window, strides, dilations)]
    inputs = [T(type, shape), const(start, type.dtype), *numbers]
    return model_of("REDUCE_WINDOW", inputs, [T(type)], ("ReduceWindowOptions", {"reduce_function": function}))


@needs_litert
@pytest.mark.parametrize("function", [1, 2, 3, 4])
@pytest.mark.parametrize("type", [F32, I8, U8, I32, I64])
def test_reduce_window_takes_elements_in_the_order_of_memory(function, type):
    for window, strides, dilations in (([2, 3], [1, 1], [1, 1]), ([3, 2], [2, 1], [1, 3]), ([1, 1], [3, 2], [1, 1])):
        compare(windows(type, (7, 8), function, 1, window, strides, dilations), every(RNG, type, (7, 8)))


@needs_litert
@pytest.mark.parametrize("function", [3, 4])
@pytest.mark.parametrize("start", [0.0, -0.0])
def test_reduce_window_keeps_the_first_of_equal_zeros(function, start):
    zeros = np.array([0.0, -0.0, -0.0, 0.0, 0.0], np.float32)
    compare(windows(F32, (5,), function, start, [2], [1], [1]), zeros)


@needs_litert
def test_reduce_window_of_bools():
    for function in (5, 6):
        compare(windows(BOOL, (7, 8), function, function == 5, [2, 2], [1, 2], [1, 1]), every(RNG, BOOL, (7, 8)))


@needs_litert
def test_reduce_window_refuses_windows_that_do_not_fit():
    x = np.zeros((3, 3), np.float32)
    refusal(windows(F32, (3, 3), 1, 0, [4, 1], [1, 1], [1, 1]), x)
    assert "positive" in refusal(windows(F32, (3, 3), 1, 0, [1, 1], [0, 1], [1, 1]), x)
    assert "reduce_function" in refusal(windows(F32, (3, 3), 0, 0, [1, 1], [1, 1], [1, 1]), x)


@needs_litert
@pytest.mark.parametrize("name", ["ADD", "MULTIPLY", "MAXIMUM", "MINIMUM"])
@pytest.mark.parametrize("type", [F32, I32, I64])
def test_stablehlo_elementwise(name, type):
    a, b = every(RNG, type, (3, 4)), every(RNG, type, (3, 4))
    model = model_of(f"STABLEHLO_{name}", [T(type, (3, 4))] * 2, [T(type)])
    compare(model, a, b)
    zeros = np.array([[0.0, -0.0, 0.0, -0.0]] * 3).astype(type.dtype)
    compare(model, zeros, zeros[:, ::-1].copy())
    wrong = model_of(f"STABLEHLO_{name}", [T(type, (3, 4)), T(type, (3, 1))], [T(type)])
    assert "expected equal ones" in both_refuse(wrong, a, b[:, :1])


@needs_litert
def test_stablehlo_composite_runs_its_subgraph():
    graph = GraphBuilder()
    x = graph.input("x", F32, (2, 3))
    y, z = graph.tensor("y", F32, (3, 2)), graph.tensor("z", F32, (2, 3))
    body = graph.subgraph("body")
    attributes = bytes(flexbuffers.Dumps({"k": 1}))
    values = {"name": "mine.turn", "decomposition_subgraph_index": 1, "composite_attributes": attributes}
    options = ("StableHLOCompositeOptions", values)
    graph.operator("STABLEHLO_COMPOSITE", [x], [y], options)
    graph.operator("TRANSPOSE", [y, graph.constant("order", np.array([1, 0], np.int32))], [z])
    graph.outputs(z)
    a, b = body.input("a", F32, (2, 3)), body.tensor("b", F32, (3, 2))
    body.operator("TRANSPOSE", [a, body.constant("order", np.array([1, 0], np.int32))], [b])
    body.outputs(b)
    assert_equals_litert(graph.model(), [{0: every(RNG, F32, (2, 3))} for _ in range(2)])


@needs_litert
@pytest.mark.parametrize("dtype", [np.float32, np.float16, np.int8])
def test_densify_fills_in_the_zeros_of_a_sparse_constant(dtype):
    graph = GraphBuilder()
    columns = DimensionMetadata(1, 0, np.array([0, 2, 3], np.int32), np.array([0, 2, 1], np.int32))
    sparsity = Sparsity((0, 1), (), (DimensionMetadata(0, 2), columns))
    whole = np.array([[5, 0, 7], [0, 9, 0]], dtype)
    x = graph.constant("x", whole, data=whole[whole != 0].tobytes(), sparsity=sparsity)
    type = next(t for t in TensorType if t.dtype is not None and t.dtype == whole.dtype)
    y, z = graph.tensor("y", type, (2, 3)), graph.tensor("z", type, (2, 3))
    graph.operator("DENSIFY", [x], [y], ("DensifyOptions", {}))
    order = graph.constant("order", np.array([1, 0], np.int32))
    graph.operator("TRANSPOSE", [y, order], [z])
    assert_equals_litert(graph.model(outputs=[y, z]), [{}])


def test_densify_refuses_what_is_computed():
    assert "only a constant" in refusal(model_of("DENSIFY", [T(F32, (2,))], [T(F32)]), np.zeros(2, np.float32))


@needs_litert
@pytest.mark.parametrize("type", [F32, I8, I32, I64, BOOL])
def test_stablehlo_pad_pads_between_and_cuts(type):
    for low, high, interior in (
        ([1, 0], [0, 2], [0, 0]),
        ([0, 1], [1, 1], [1, 2]),
        ([-1, 0], [2, -2], [0, 1]),
        ([-2, -1], [1, 0], [3, 0]),
    ):
        options = {"edge_padding_low": low, "edge_padding_high": high, "interior_padding": interior}
        model = model_of(
            "STABLEHLO_PAD",
            [T(type, (3, 4)), const(every(RNG, type, ()), type.dtype)],
            [T(type)],
            ("StablehloPadOptions", options),
        )
        compare(model, every(RNG, type, (3, 4)))
    wrong = {"edge_padding_low": [1], "edge_padding_high": [0, 0], "interior_padding": [0, 0]}
    model = model_of("STABLEHLO_PAD", [T(F32, (3, 4)), const(0.0, np.float32)], [T(F32)], ("StablehloPadOptions", wrong))
    assert "expected 2 numbers" in refusal(model, np.zeros((3, 4), np.float32))


@needs_litert
@pytest.mark.parametrize("combiner", [0, 1, 2])
def test_embedding_lookup_sparse(combiner):
    table = RNG.normal(size=(5, 2, 3)).astype(np.float32)
    rows, weights = np.int32([1, 3, 0, 4, 4, 2]), RNG.normal(size=6).astype(np.float32)
    options = ("EmbeddingLookupSparseOptions", {"combiner": combiner})
    for indices in ([[0, 0], [0, 2], [2, 1], [2, 2], [2, 3], [3, 0]], [[2, 0], [1, 0], [1, 1], [2, 0], [0, 0], [2, 2]]):
        inputs = [const(rows), const(indices), const([4, 5]), T(F32, (6,)), const(table, np.float32)]
        model = model_of("EMBEDDING_LOOKUP_SPARSE", inputs, [T(F32)], options)
        compare(model, weights)
        check_some_explanations(model, "litert-reference", weights, count=24)


def test_embedding_lookup_sparse_refuses_what_is_out_of_range():
    """LiteRT checks rows alone, and writes elsewhere with indices that are out of range."""

    def message(rows, indices, shape=(4, 5), combiner=0):
        inputs = [T(I32, (1,)), T(I32, (1, 2)), const(shape), T(F32, (1,)), const(np.ones((3, 2)), np.float32)]
        model = model_of("EMBEDDING_LOOKUP_SPARSE", inputs, [T(F32)], ("EmbeddingLookupSparseOptions", {"combiner": combiner}))
        return refusal(model, np.int32(rows), np.int32(indices), np.ones(1, np.float32))

    assert "index 3 is out of range" in message([3], [[0, 0]])
    assert "outside of dense_shape" in message([0], [[4, 0]])
    assert "outside of dense_shape" in message([0], [[-1, 0]])
    assert "expected [1, 1]" in message([0], [[0, 0]], shape=(4,))


@needs_litert
@pytest.mark.parametrize("size", [7, 9, 12, 16, 33])
@pytest.mark.parametrize("type", [I8, TensorType.INT16, I32])
def test_stablehlo_shift_left_with_counts_of_all_sizes(type, size):
    x, count = every(RNG, type, (size,)), RNG.integers(-100, 100, size).astype(type.dtype)
    model = model_of("STABLEHLO_SHIFT_LEFT", [T(type, (size,))] * 2, [T(type, (size,))])
    assert_equals_litert(model, [{0: x, 1: count}], "optimized")
    check_some_explanations(model, "litert-optimized", x, count, count=16)


@needs_litert
@pytest.mark.parametrize("type", [BOOL, I8, U8, I32, I64])
def test_stablehlo_and(type):
    model = model_of("STABLEHLO_AND", [T(type, (3, 9))] * 2, [T(type, (3, 9))])
    assert_equals_litert(model, kernel_set="optimized")
    check_some_explanations(model, "litert-optimized")
