"""AVERAGE_POOL_2D, MAX_POOL_2D and L2_POOL_2D against LiteRT."""

from __future__ import annotations

import numpy as np
import pytest
from oracle import assert_equals_litert, needs_litert, random_array, run_qref
from unary_models import random_scale, unary_model

from qref import ModelError
from qref.interpreter import Interpreter
from qref.schema import TensorType

INT8, UINT8, INT16, FLOAT32 = TensorType.INT8, TensorType.UINT8, TensorType.INT16, TensorType.FLOAT32
CASES = [(name, type) for name in ("AVERAGE_POOL_2D", "MAX_POOL_2D") for type in (FLOAT32, INT8, UINT8, INT16)]
CASES.append(("L2_POOL_2D", FLOAT32))
SAME, VALID = 0, 1


def pool_model(name, type, shape, quantization=None, **options):
    filled = {"stride_h": 1, "stride_w": 1, "filter_height": 2, "filter_width": 2, **options}
    quantization = quantization or ((0.1, 0) if type != FLOAT32 else None)
    return unary_model(
        name, type, shape, quantization, quantization, options=("Pool2DOptions", filled), output_shape=(1, 1, 1, 1)
    )


@needs_litert
@pytest.mark.parametrize(("name", "type"), CASES)
def test_pooling_equals_litert(name, type):
    rng = np.random.default_rng(len(name) + type)
    for draw in range(24):
        filter_height, filter_width = rng.integers(1, 6, 2).tolist()
        padding = draw % 2
        height, width = rng.integers(1, 10, 2) + (padding == VALID) * np.array([filter_height, filter_width])
        shape = (int(rng.integers(1, 3)), int(height), int(width), int(rng.integers(1, 20)))
        stride_h, stride_w = rng.integers(1, 4, 2).tolist()
        scale = random_scale(rng, 0.01, 0.5) / (256 if type == INT16 else 1)
        zero_point = int(random_array(rng, (), type.dtype)) if type in (INT8, UINT8) else 0
        model = pool_model(
            name,
            type,
            shape,
            (scale, zero_point) if type != FLOAT32 else None,
            padding=padding,
            stride_h=stride_h,
            stride_w=stride_w,
            filter_height=filter_height,
            filter_width=filter_width,
            fused_activation_function=(0, 0, 1, 2, 3)[draw % 5],
        )
        assert_equals_litert(model, [{0: random_array(rng, shape, type.dtype)}])


@needs_litert
@pytest.mark.parametrize("type", [INT8, INT16])
def test_average_pool_2d_rounds_ties_away_from_zero(type):
    x = np.array([[3, 4], [-3, -4], [1, 0], [-1, 0]], type.dtype).reshape(1, 4, 2, 1)
    model = pool_model("AVERAGE_POOL_2D", type, x.shape, filter_height=1, padding=VALID)
    assert_equals_litert(model, [{0: x}])
    assert run_qref(model, [{0: x}], "numpy")[0][1].ravel().tolist() == [4, -4, 1, -1]


@needs_litert
def test_average_pool_2d_counts_only_taps_inside_the_image():
    x = np.full((1, 3, 3, 2), 100, np.int8)
    model = pool_model("AVERAGE_POOL_2D", INT8, x.shape, filter_height=3, filter_width=3, padding=SAME)
    assert_equals_litert(model, [{0: x}])
    np.testing.assert_array_equal(run_qref(model, [{0: x}], "numba")[0][1], 100)


@needs_litert
def test_max_pool_2d_of_infinities_equals_litert():
    x = np.array([np.inf, -np.inf, -np.inf, -np.inf, -0.0, 0.0], np.float32).reshape(1, 1, 6, 1)
    assert_equals_litert(pool_model("MAX_POOL_2D", FLOAT32, x.shape, filter_height=1, padding=VALID), [{0: x}])


@pytest.mark.parametrize(("name", "type"), CASES)
@pytest.mark.parametrize(
    ("shape", "expected"), [((1, 1, 5, 2), (1, 0, 4, 2)), ((0, 4, 4, 2), (0, 3, 3, 2)), ((1, 4, 4, 0), (1, 3, 3, 0))]
)
def test_pooling_of_nothing_is_nothing(name, type, shape, expected):
    for kernels in ("numba", "numpy"):
        y = run_qref(pool_model(name, type, shape, padding=VALID), [{0: np.zeros(shape, type.dtype)}], kernels)[0][1]
        assert (y.shape, y.dtype) == (expected, type.dtype)


@needs_litert
def test_a_filter_far_greater_than_the_image_covers_it_all():
    x = random_array(np.random.default_rng(0), (1, 3, 4, 2), np.dtype(np.int8))
    model = pool_model("AVERAGE_POOL_2D", INT8, x.shape, filter_height=2**30, filter_width=2**30, padding=SAME)
    for kernels in ("numba", "numpy"):
        mean = run_qref(model, [{0: x}], kernels)[0][1]
        assert mean.shape == x.shape
    small = pool_model("AVERAGE_POOL_2D", INT8, x.shape, filter_height=100, filter_width=100, padding=SAME)
    assert_equals_litert(small, [{0: x}])


@pytest.mark.parametrize("option", ["stride_h", "stride_w", "filter_height", "filter_width"])
@pytest.mark.parametrize("value", [0, -1])
def test_pooling_refuses_strides_and_filters_below_1(option, value):
    with pytest.raises(ModelError, match=f"{option} is {value}; expected 1 or more"):
        Interpreter(model_content=pool_model("MAX_POOL_2D", INT8, (1, 4, 4, 1), **{option: value})).allocate_tensors()


@pytest.mark.parametrize(
    ("shape", "type", "options", "message"),
    [
        ((4, 4, 1), INT8, {}, "4 dimensions"),
        ((1, 4, 4, 1), TensorType.INT32, {}, "has type INT32"),
        ((1, 4, 4, 1), INT8, {"padding": 2}, "padding is 2"),
        ((1, 4, 4, 1), INT8, {"fused_activation_function": 4}, "TANH"),
    ],
)
def test_pooling_refuses_what_it_cannot_compute(shape, type, options, message):
    with pytest.raises(ModelError, match=message):
        Interpreter(model_content=pool_model("AVERAGE_POOL_2D", type, shape, **options)).allocate_tensors()
