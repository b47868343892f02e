"""Between float32 and integers."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qref.arithmetic.affine import dequantize, quantize

dtypes = pytest.mark.parametrize("dtype", ["int8", "uint8", "int16"])
scales = st.floats(2**-14, 4, width=32) | st.integers(-10, 2).map(lambda exponent: 2.0**exponent)


@dtypes
@given(scale=scales, steps=st.lists(st.integers(-600, 600), min_size=1), data=st.data())
def test_quantize_divides_in_float32_and_rounds_half_away_from_zero(dtype, scale, steps, data):
    limits = np.iinfo(dtype)
    zero_point = data.draw(st.integers(limits.min, limits.max))
    x = np.array(steps, np.float32) / 2 * np.float32(scale)

    def one(value):
        quotient = Fraction(float(value / np.float32(scale)))
        nearest = math.floor(abs(quotient) + Fraction(1, 2)) * (1 if quotient >= 0 else -1)
        return min(max(nearest + zero_point, limits.min), limits.max)

    q = quantize(x, scale, zero_point, dtype)
    assert q.dtype == dtype
    np.testing.assert_array_equal(q, [one(value) for value in x])


@dtypes
@given(scale=scales, data=st.data())
def test_dequantize_multiplies_exactly_and_rounds_once(dtype, scale, data):
    limits = np.iinfo(dtype)
    zero_point = data.draw(st.integers(limits.min, limits.max))
    q = np.linspace(limits.min, limits.max, 256).astype(dtype)
    want = [np.float32(float(np.float32(scale)) * (int(value) - zero_point)) for value in q]
    x = dequantize(q, scale, zero_point)
    assert x.dtype == np.float32
    np.testing.assert_array_equal(x, want)


@dtypes
@given(scale=scales, data=st.data())
def test_every_integer_comes_back(dtype, scale, data):
    limits = np.iinfo(dtype)
    zero_point = data.draw(st.integers(limits.min, limits.max))
    q = np.arange(limits.min, limits.max + 1).astype(dtype)
    np.testing.assert_array_equal(quantize(dequantize(q, scale, zero_point), scale, zero_point, dtype), q)


@pytest.mark.parametrize(("zero_point", "where"), [(0, "min"), (100, "min"), (-1, "max"), (-5, "max")])
def test_what_no_int32_holds_ends_at_the_lower_limit_or_wraps_to_the_upper_one(zero_point, where):
    x = np.float32([np.nan, np.inf, -np.inf, 1e30, -1e30, 3e9, -3e9])
    np.testing.assert_array_equal(quantize(x, 1.0, zero_point, "int8"), np.full(7, getattr(np.iinfo(np.int8), where)))


def test_a_quotient_beyond_float32_is_infinite():
    assert quantize(np.float32([3e38]), 1e-10, 0, "int8") == -128


@pytest.mark.parametrize("quantized_dimension", [0, 1, 2])
def test_per_axis_constants_follow_the_quantized_dimension(quantized_dimension):
    rng = np.random.default_rng(0)
    x = rng.normal(0, 3, (3, 3, 3)).astype(np.float32)
    scale, zero_point = rng.uniform(0.01, 0.1, 3).astype(np.float32), np.array([-3, 0, 7])
    q = quantize(x, scale, zero_point, "int8", quantized_dimension)
    back = dequantize(q, scale, zero_point, quantized_dimension)
    for index in range(3):
        part = np.take(x, index, quantized_dimension)
        want = quantize(part, scale[index], zero_point[index], "int8")
        np.testing.assert_array_equal(np.take(q, index, quantized_dimension), want)
        np.testing.assert_array_equal(
            np.take(back, index, quantized_dimension), dequantize(want, scale[index], zero_point[index])
        )


def test_one_constant_serves_a_scalar_and_an_empty_tensor():
    assert quantize(np.float32(1.0), [0.5], [1], "int8") == 3
    assert dequantize(np.zeros((0, 4), np.int8), [0.5], [1]).shape == (0, 4)
