"""FLOOR_MOD against LiteRT's reference kernels."""

import numpy as np
import pytest
from elementwise_models import SHAPES, arrays_of, binary, whole_range
from one_operator import both_refuse, compare, evaluate
from oracle import needs_litert

from qref.schema import TensorType

INTEGERS = [TensorType.INT8, TensorType.INT16, TensorType.INT32, TensorType.INT64]
FLOAT32 = TensorType.FLOAT32


@needs_litert
@pytest.mark.parametrize("type", [*INTEGERS, FLOAT32])
def test_floor_mod_has_the_sign_of_the_divisor(type):
    rng = np.random.default_rng(1)
    for shapes in SHAPES:
        x1, x2 = (whole_range if type in INTEGERS else arrays_of)(rng, type, *shapes)
        small = x2 if type == FLOAT32 else x2 % 11 - 5
        divisor = np.where((small == 0) | (small == -1), 3, small).astype(x2.dtype)
        compare(binary("FLOOR_MOD", type, *shapes), x1, divisor)


@needs_litert
def test_floor_mod_of_special_floats():
    x1 = np.float32([7, -7, np.inf, -0.0, 5, -5, 3, -4, 4, 0, 1e30])
    x2 = np.float32([2, 2, 2, 3, 0, np.inf, -np.inf, 2, -2, -3, 7])
    compare(binary("FLOOR_MOD", FLOAT32, (11,), (11,)), x1, x2)


@needs_litert
@pytest.mark.parametrize("type", INTEGERS)
def test_floor_mod_by_zero_is_an_error(type):
    model = binary("FLOOR_MOD", type, (2,), (2,))
    assert "division by zero" in both_refuse(model, np.ones(2, type.dtype), np.array([1, 0], type.dtype))


@needs_litert
@pytest.mark.parametrize("type", INTEGERS[2:])
def test_floor_mod_of_the_least_number_by_minus_1_is_an_error_where_litert_dies(type):
    x1, x2 = np.array([np.iinfo(type.dtype).min], type.dtype), np.array([-1], type.dtype)
    assert "overflows" in both_refuse(binary("FLOOR_MOD", type, (1,), (1,)), x1, x2)


def test_floor_mod_of_the_least_small_number_by_minus_1_is_0():
    (y,) = evaluate(binary("FLOOR_MOD", TensorType.INT8, (1,), (1,)), np.int8([-128]), np.int8([-1]))
    assert y.tolist() == [0]


@needs_litert
def test_floor_mod_refuses_what_litert_refuses():
    for type in (TensorType.UINT8, TensorType.FLOAT16):
        assert type.name in both_refuse(binary("FLOOR_MOD", type, (2,), (2,)), *np.ones((2, 2), type.dtype))
