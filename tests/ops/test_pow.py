"""POW against LiteRT's reference kernels."""

import numpy as np
import pytest
from elementwise_models import SHAPES, binary
from one_operator import both_refuse, compare, evaluate
from oracle import needs_litert

from qref.schema import TensorType

INT32, FLOAT32 = TensorType.INT32, TensorType.FLOAT32


@needs_litert
def test_pow_of_float32_is_the_c_librarys():
    rng = np.random.default_rng(1)
    for shapes in SHAPES:
        x1, x2 = rng.uniform(0, 4, shapes[0]), rng.normal(size=shapes[1]) * 3
        compare(binary("POW", FLOAT32, *shapes), x1.astype(np.float32), x2.astype(np.float32))


@needs_litert
@pytest.mark.parametrize("exponent", [1, 2, 3, 7, 10, 2.000004, 0.5, 0, -2, 1e10, 2.5])
def test_pow_with_one_exponent_squares_repeatedly_where_it_is_an_integer(exponent):
    rng = np.random.default_rng(2)
    x1 = np.concatenate([rng.normal(size=300) * 3, [0.0, -0.0, np.inf, -np.inf, 1e20, -1e20, 1e-30]]).astype(np.float32)
    for shape in ((), (1,), (1, 1)):
        compare(binary("POW", FLOAT32, (307,), shape), x1, np.full(shape, exponent, np.float32))


@needs_litert
def test_pow_with_one_exponent_clamps_unless_the_shapes_are_equal():
    x1, x2 = np.float32([1e30]), np.float32([2])
    compare(binary("POW", FLOAT32, (1,), (1,)), x1, x2)
    assert np.isinf(evaluate(binary("POW", FLOAT32, (1,), (1,)), x1, x2)[0]).all()
    compare(binary("POW", FLOAT32, (1,), ()), x1, x2.reshape(()))


@needs_litert
def test_pow_of_int32_goes_by_float64():
    rng = np.random.default_rng(3)
    for shapes in SHAPES[:3]:
        x1, x2 = rng.integers(-9, 9, shapes[0]), rng.integers(0, 14, shapes[1])
        compare(binary("POW", INT32, *shapes), x1.astype(np.int32), x2.astype(np.int32))


@needs_litert
@pytest.mark.parametrize("exponent", [0, 1, 2, 5, 31])
def test_pow_of_int32_with_one_exponent_wraps(exponent):
    x1 = np.int32([3, -3, 10, 0, 7, 50000, -(2**31), 2**31 - 1])
    compare(binary("POW", INT32, (8,), (1,)), x1, np.int32([exponent]))


@needs_litert
def test_pow_refuses_what_litert_refuses():
    assert "negative" in both_refuse(binary("POW", INT32, (2,), (2,)), np.int32([1, 2]), np.int32([1, -1]))
    assert "INT64" in both_refuse(binary("POW", TensorType.INT64, (2,), (2,)), *np.ones((2, 2), np.int64))
