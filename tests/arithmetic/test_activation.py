"""The limits of fused activation functions."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qref.arithmetic.activation import activation_range, activation_range_float32, activation_range_xnnpack

LIMITS = {
    "NONE": (None, None),
    "RELU": (0, None),
    "RELU6": (0, 6),
    "RELU_N1_TO_1": (-1, 1),
    "RELU_0_TO_1": (0, 1),
}
scales = st.floats(2**-20, 64, width=32) | st.integers(-12, 4).map(lambda exponent: 2.0**exponent)


@pytest.mark.parametrize("activation", LIMITS)
@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16"])
@given(scale=scales, data=st.data())
def test_tflite_rounds_half_away_from_zero_and_then_adds_the_zero_point(activation, dtype, scale, data):
    limits = np.iinfo(dtype)
    zero_point = data.draw(st.integers(limits.min, limits.max))

    def quantize(real):
        steps = Fraction(float(np.float32(real) / np.float32(scale)))
        return zero_point + (1 if real > 0 else -1) * math.floor(abs(steps) + Fraction(1, 2))

    low, high = LIMITS[activation]
    want_min = limits.min if low is None else max(limits.min, quantize(low))
    want_max = limits.max if high is None else min(limits.max, quantize(high))
    assert activation_range(activation, dtype, scale, zero_point) == (want_min, want_max)


@pytest.mark.parametrize("activation", LIMITS)
@pytest.mark.parametrize("dtype", ["int8", "uint8"])
@given(scale=scales, data=st.data())
def test_xnnpack_adds_the_zero_point_and_then_rounds_to_even(activation, dtype, scale, data):
    limits = np.iinfo(dtype)
    zero_point = data.draw(st.integers(limits.min, limits.max))

    def quantize(real):
        return min(max(round(float(np.float32(real) / np.float32(scale) + np.float32(zero_point))), limits.min), limits.max)

    low, high = LIMITS[activation]
    want = (limits.min if low is None else quantize(low), limits.max if high is None else quantize(high))
    assert activation_range_xnnpack(activation, dtype, scale, zero_point) == want


def test_the_two_rules_differ_where_the_limit_is_half_an_integer():
    scale = 6 / 32.5
    assert activation_range("RELU6", "int8", scale, -20) == (-20, 13)
    assert activation_range_xnnpack("RELU6", "int8", scale, -20) == (-20, 12)


def test_float_limits_clamp_infinities_too():
    greatest = np.finfo(np.float32).max
    assert activation_range_float32("NONE") == (-greatest, greatest)
    assert activation_range_float32("RELU") == (0, greatest)
    assert activation_range_float32("RELU6") == (0, 6)
    assert activation_range_float32("RELU_N1_TO_1") == (-1, 1)
    assert all(type(limit) is np.float32 for limit in activation_range_float32("NONE"))


@pytest.mark.parametrize("activation", ["TANH", "SIGN_BIT", "relu"])
def test_an_activation_that_does_not_clamp_is_refused(activation):
    with pytest.raises(ValueError, match=activation):
        activation_range(activation, "int8", 0.1, 0)
    with pytest.raises(ValueError, match=activation):
        activation_range_float32(activation)


def test_a_limit_that_no_int32_holds_is_refused():
    with pytest.raises(ValueError, match="int32"):
        activation_range("RELU6", "int8", 1e-9, 0)
