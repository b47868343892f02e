"""AVERAGE_POOL_2D and MAX_POOL_2D of XNNPACK against LiteRT."""

from __future__ import annotations

import numpy as np
import pytest
from explanations import check_some_explanations
from one_operator import T, every, model_of
from oracle import assert_equals_litert, needs_litert, run_qref

from qref import ModelError
from qref.interpreter import Interpreter
from qref.schema import TensorType

FLOAT32, INT8, UINT8, INT16 = (TensorType[n] for n in ("FLOAT32", "INT8", "UINT8", "INT16"))


def pool(name, type, shape, filter, strides=(1, 1), padding=0, activation=0, output_scale=0.1):
    steps = (-(-(n - (k - 1) * padding) // s) for n, k, s in zip(shape[1:3], filter, strides))
    scale, output_shape = None if type == FLOAT32 else 0.1, (shape[0], *steps, shape[3])
    names = ("padding", "stride_h", "stride_w", "filter_height", "filter_width", "fused_activation_function")
    options = dict(zip(names, (padding, *strides, *filter, activation)))
    outputs = [T(type, output_shape, scale and output_scale)]
    return model_of(name, [T(type, shape, scale)], outputs, ("Pool2DOptions", options), 3 if type == INT16 else 2)


@needs_litert
@pytest.mark.parametrize("kernel_set", ["optimized", "xnnpack"])
@pytest.mark.parametrize("type", [FLOAT32, INT8, UINT8, INT16])
@pytest.mark.parametrize("name", ["AVERAGE_POOL_2D", "MAX_POOL_2D"])
def test_pooling_equals_litert(name, type, kernel_set):
    rng = np.random.default_rng(7)
    for _ in range(15):
        filter, strides = rng.integers(1, 8, 2), rng.integers(1, 4, 2)
        padding = int(rng.integers(2))
        height, width = (filter + rng.integers(0, 8, 2)).tolist()
        x = every(rng, type, (2, height, width, int(rng.choice([1, 3, 8, 17]))))
        model = pool(name, type, x.shape, filter.tolist(), strides.tolist(), padding, int(rng.choice([0, 1, 3])))
        assert_equals_litert(model, [{0: x}], kernel_set)


@needs_litert
@pytest.mark.parametrize("name", ["AVERAGE_POOL_2D", "MAX_POOL_2D"])
def test_pooling_of_xnnpack_takes_denormals_for_zeros(name):
    x = np.float32([1e-40, -1e-40, 3e-39, -0.0, 1.2e-38, 0, 2e-38, 1e-38]).reshape(1, 2, 4, 1)
    assert_equals_litert(pool(name, FLOAT32, x.shape, (2, 2)), [{0: x}], "xnnpack")


@needs_litert
@pytest.mark.parametrize("stride", [1, 2, 3])
def test_average_pool_2d_takes_another_row_s_window_where_padding_at_top_and_bottom_overlap(stride):
    rng = np.random.default_rng(stride)
    for height, filter_height in [(5, 7), (4, 9), (3, 6), (7, 9), (3, 8)]:
        x = every(rng, FLOAT32, (1, height, 3, 17))
        model = pool("AVERAGE_POOL_2D", FLOAT32, x.shape, (filter_height, 2), (stride, 1))
        assert_equals_litert(model, [{0: x}], "xnnpack")
        check_some_explanations(model, "xnnpack", x)


@needs_litert
@pytest.mark.parametrize("filter", [(1, 1), (2, 3), (4, 6)])
@pytest.mark.parametrize("activation", [0, 1, 2, 3])
@pytest.mark.parametrize("name", ["AVERAGE_POOL_2D", "MAX_POOL_2D"])
def test_pooling_of_zeros_of_both_signs_and_infinities(name, activation, filter):
    rng = np.random.default_rng(5)
    x = rng.choice(
        np.float32([0, -0.0, -1, 1e-40, -1e-40, np.inf, -np.inf]), (2, 3, 7, 17), p=[0.3, 0.3, 0.1, 0.1, 0.1, 0.05, 0.05]
    )
    model = pool(name, FLOAT32, x.shape, filter, activation=activation)
    assert_equals_litert(model, [{0: x}], "xnnpack")
    check_some_explanations(model, "xnnpack", x)


def test_average_pool_2d_of_a_filter_far_greater_than_the_image_is_bounded():
    x = np.ones((1, 2, 3, 1), np.float32)
    model = pool("AVERAGE_POOL_2D", FLOAT32, x.shape, (2**30, 2**30))
    np.testing.assert_array_equal(run_qref(model, [{0: x}], "numpy", "xnnpack")[0][1], x)


def test_max_pool_2d_of_xnnpack_refuses_another_scale():
    model = pool("MAX_POOL_2D", INT8, (1, 4, 4, 1), (2, 2), output_scale=0.2)
    with pytest.raises(ModelError, match="unless they are equal"):
        Interpreter(model_content=model, runtime="xnnpack").allocate_tensors()
