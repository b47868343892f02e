"""FLOOR_DIV against LiteRT's reference kernels."""

import numpy as np
import pytest
from elementwise_models import SHAPES, arrays_of, binary, options_of, whole_range
from one_operator import T, both_refuse, compare, const, model_of
from oracle import needs_litert

from qref.schema import TensorType

INTEGERS = [TensorType.INT8, TensorType.INT16, TensorType.INT32]
FLOAT32 = TensorType.FLOAT32


@needs_litert
@pytest.mark.parametrize("type", [*INTEGERS, FLOAT32])
def test_floor_div_rounds_a_float64_quotient_down(type):
    rng = np.random.default_rng(1)
    for shapes in SHAPES:
        x1, x2 = (whole_range if type in INTEGERS else arrays_of)(rng, type, *shapes)
        compare(binary("FLOOR_DIV", type, *shapes), x1, np.where(x2 == 0, -1, x2).astype(x2.dtype))


@needs_litert
def test_floor_div_of_float32_near_integers():
    rng = np.random.default_rng(2)
    x2 = rng.uniform(0.1, 5, 4000).astype(np.float32)
    x1 = (x2 * rng.integers(-50, 50, 4000)).astype(np.float32)
    compare(binary("FLOOR_DIV", FLOAT32, (4000,), (4000,)), x1, x2)


@needs_litert
@pytest.mark.parametrize("type", INTEGERS)
def test_floor_div_of_the_least_number_by_minus_1_wraps(type):
    least = np.iinfo(type.dtype).min
    compare(binary("FLOOR_DIV", type, (3,), (1,)), np.array([least, 7, -7], type.dtype), np.array([-1], type.dtype))


@needs_litert
def test_floor_div_of_special_floats():
    constants = [const([np.nan, np.inf, -0.0, 1e30, 1, -1], np.float32), const([1, 2, 3, 1e-30, np.inf, np.inf], np.float32)]
    compare(model_of("FLOOR_DIV", constants, [T(FLOAT32, (6,))], options_of("FLOOR_DIV", {})))


@needs_litert
@pytest.mark.parametrize("type", [*INTEGERS, FLOAT32])
def test_floor_div_by_zero_is_an_error(type):
    model = binary("FLOOR_DIV", type, (2,), (2,))
    assert "division by zero" in both_refuse(model, np.ones(2, type.dtype), np.array([1, 0], type.dtype))


@needs_litert
def test_floor_div_refuses_what_litert_refuses():
    for type in (TensorType.UINT8, TensorType.INT64):
        assert type.name in both_refuse(binary("FLOOR_DIV", type, (2,), (2,)), *np.ones((2, 2), type.dtype))
