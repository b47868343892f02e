"""RESIZE_BILINEAR and RESIZE_NEAREST_NEIGHBOR against LiteRT."""

from __future__ import annotations

import numpy as np
import pytest
from oracle import assert_equals_litert, needs_litert, random_array, run_qref

from qref import ModelError
from qref.interpreter import Interpreter
from qref.schema import GraphBuilder, TensorType

INT8, UINT8, INT16, FLOAT32 = TensorType.INT8, TensorType.UINT8, TensorType.INT16, TensorType.FLOAT32
OPTIONS = {"RESIZE_BILINEAR": "ResizeBilinearOptions", "RESIZE_NEAREST_NEIGHBOR": "ResizeNearestNeighborOptions"}
COPIED = [TensorType[n] for n in ("FLOAT32", "FLOAT16", "INT8", "UINT8", "INT16", "UINT16", "INT32", "UINT32", "BOOL")]
CASES = [("RESIZE_BILINEAR", t) for t in (FLOAT32, INT8, UINT8, INT16)] + [("RESIZE_NEAREST_NEIGHBOR", t) for t in COPIED]
MODES = [{}, {"align_corners": True}, {"half_pixel_centers": True}]


def resize_model(name, type, shape, size, modes=None, dynamic=False):
    graph = GraphBuilder()
    quantization = {"scale": 0.1} if type in (INT8, UINT8, INT16) else {}
    x = graph.input("x", type, shape, **quantization)
    new = graph.input("size", TensorType.INT32, (2,)) if dynamic else graph.constant("size", np.array(size, np.int32))
    y = graph.tensor("y", type, (1, 1, 1, 1), **quantization)
    graph.operator(name, [x, new], [y], (OPTIONS[name], modes or {}))
    return graph.model(outputs=[y])


@needs_litert
@pytest.mark.parametrize(("name", "type"), CASES)
@pytest.mark.parametrize("modes", MODES)
def test_resizing_equals_litert(name, type, modes):
    rng = np.random.default_rng(type)
    for draw in range(8):
        shape = tuple(rng.integers(1, (3, 10, 10, 12)).tolist())
        size = (2 * shape[1], 2 * shape[2]) if draw == 0 else rng.integers(1, 25, 2)
        assert_equals_litert(resize_model(name, type, shape, size, modes), [{0: random_array(rng, shape, type.dtype)}])


@needs_litert
def test_nearest_neighbor_takes_both_modes_at_once():
    x = random_array(np.random.default_rng(0), (1, 5, 7, 2), np.dtype(np.int8))
    modes = {"align_corners": True, "half_pixel_centers": True}
    assert_equals_litert(resize_model("RESIZE_NEAREST_NEIGHBOR", INT8, x.shape, (9, 4), modes), [{0: x}])


@needs_litert
@pytest.mark.parametrize("name", OPTIONS)
def test_the_new_size_may_be_computed_by_the_graph(name):
    x = random_array(np.random.default_rng(0), (1, 5, 7, 2), np.dtype(np.int8))
    model = resize_model(name, INT8, x.shape, None, dynamic=True)
    assert_equals_litert(model, [{0: x, 1: np.int32([3, 4])}])


@pytest.mark.parametrize("kernels", ["numba", "numpy"])
def test_positions_beyond_the_image_take_its_last_pixel_where_litert_reads_behind_it(kernels):
    model = resize_model("RESIZE_BILINEAR", INT8, (1, 1, 1, 1), (65, 65))
    y = run_qref(model, [{0: np.full((1, 1, 1, 1), 5, np.int8)}], kernels)[0]
    np.testing.assert_array_equal(y[max(y)], 5)


@pytest.mark.parametrize(("name", "type"), CASES)
@pytest.mark.parametrize("shape", [(0, 2, 2, 1), (1, 2, 2, 0)])
def test_resizing_nothing_gives_nothing(name, type, shape):
    for kernels in ("numba", "numpy"):
        y = run_qref(resize_model(name, type, shape, (3, 4)), [{0: np.zeros(shape, type.dtype)}], kernels)[0]
        assert y[max(y)].shape == (shape[0], 3, 4, shape[3])


def test_nearest_neighbor_to_no_pixels_gives_nothing():
    y = run_qref(
        resize_model("RESIZE_NEAREST_NEIGHBOR", INT8, (1, 2, 2, 1), (0, 3)), [{0: np.zeros((1, 2, 2, 1), np.int8)}], "numpy"
    )[0]
    assert y[max(y)].shape == (1, 0, 3, 1)


@pytest.mark.parametrize(
    ("name", "shape", "size", "modes", "message"),
    [
        ("RESIZE_BILINEAR", (1, 2, 2, 1), (0, 3), {}, "expected 1 or more"),
        ("RESIZE_NEAREST_NEIGHBOR", (1, 2, 2, 1), (-1, 3), {}, "expected 0 or more"),
        ("RESIZE_BILINEAR", (1, 2, 2, 1), (2**30, 2**30), {}, "Limits.max_tensor_bytes"),
        ("RESIZE_BILINEAR", (2, 2, 1), (2, 3), {}, r"expected \[N, H, W, C\]"),
        ("RESIZE_BILINEAR", (1, 2, 2, 1), (2, 3, 4), {}, r"expected \[2\]"),
        ("RESIZE_BILINEAR", (1, 0, 2, 1), (2, 3), {}, "no pixels"),
        ("RESIZE_BILINEAR", (1, 2, 2, 1), (2, 3), {"align_corners": True, "half_pixel_centers": True}, "exclude each other"),
    ],
)
def test_resizing_refuses_what_it_cannot_compute(name, shape, size, modes, message):
    with pytest.raises(ModelError, match=message):
        Interpreter(model_content=resize_model(name, INT8, shape, size, modes)).allocate_tensors()
