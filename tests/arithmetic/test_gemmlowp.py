"""Fixed-point transcendental functions: against a typed twin in plain integers, and near the real functions everywhere."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qref.arithmetic import gemmlowp

NEGATIVE_INT16 = np.arange(-(2**15), 1)
INT16 = np.arange(-(2**15), 2**15)
int32s = st.integers(-(2**31), 2**31 - 1) | st.integers(-(2**16), 2**16)


@dataclass(frozen=True)
class Fixed:
    """A word whose type says where its point is: every operation is that of gemmlowp's class."""

    raw: int
    integer_bits: int
    bits: int

    def __add__(self, other: Fixed) -> Fixed:
        assert self.integer_bits == other.integer_bits
        raw = self.raw + other.raw
        limit = 2 ** (self.bits - 1)
        assert self.bits == 16 or -limit <= raw < limit, "32-bit sums never overflow"
        return Fixed(min(max(raw, -limit), limit - 1), self.integer_bits, self.bits)

    def __neg__(self) -> Fixed:
        return Fixed(-self.raw, self.integer_bits, self.bits)

    def __mul__(self, other: Fixed) -> Fixed:
        one = 2 ** (self.bits - 1)
        raw = min((2 * self.raw * other.raw + one) // (2 * one), one - 1)
        return Fixed(raw, self.integer_bits + other.integer_bits, self.bits)

    def times_power_of_two(self, exponent: int) -> Fixed:
        """The same point, saturating to the left, ties away from zero to the right."""
        limit = 2 ** (self.bits - 1)
        if exponent >= 0:
            return Fixed(min(max(self.raw << exponent, -limit), limit - 1), self.integer_bits, self.bits)
        magnitude = (2 * abs(self.raw) + 2**-exponent) // (2 * 2**-exponent)
        return Fixed(magnitude if self.raw >= 0 else -magnitude, self.integer_bits, self.bits)

    def rescale(self, integer_bits: int) -> Fixed:
        """The same number with another point."""
        return Fixed(self.times_power_of_two(self.integer_bits - integer_bits).raw, integer_bits, self.bits)


def fixed(real: float, integer_bits: int, bits: int) -> Fixed:
    """The nearest word of 32 bits, rounded once more for 16."""
    word = Fixed(min(round(real * 2 ** (31 - integer_bits)), 2**31 - 1), integer_bits, 32)
    return Fixed(word.times_power_of_two(bits - 32).raw, integer_bits, bits)


def exp_on_quarter(a: Fixed) -> Fixed:
    bits = a.bits
    base = fixed(math.exp(-1 / 8), 0, bits)
    x = a + fixed(1 / 8, 0, bits)
    x2 = x * x
    x3, x4 = x2 * x, x2 * x2
    tail = ((x4.times_power_of_two(-2) + x3) * fixed(1 / 3, 0, bits) + x2).times_power_of_two(-1)
    return base + base * (x + tail)


def exp(a: Fixed) -> Fixed:
    bits = a.bits
    if a.raw == 0:
        return Fixed(2 ** (bits - 1) - 1, 0, bits)
    one = 2 ** (bits - 1 - a.integer_bits)
    if a.integer_bits > 5 and a.raw < -32 * one:
        return Fixed(0, 0, bits)
    quarters, rest = divmod(-a.raw, one // 4)
    if rest == 0:
        quarters, rest = quarters - 1, one // 4
    result = exp_on_quarter(Fixed(-rest, a.integer_bits, bits).rescale(0))
    for position in range(7):
        if quarters >> position & 1:
            result = result * fixed(math.exp(-(2.0 ** (position - 2))), 0, bits)
    return result


def two_over_one_plus(a: Fixed) -> Fixed:
    bits = a.bits
    half = Fixed((a.raw + 2 ** (bits - 1)) // 2, 0, bits)
    x = fixed(48 / 17, 2, bits) + half * fixed(-32 / 17, 2, bits)
    for _ in range(3):
        error = fixed(1, 2, bits) + -(half * x)
        x = x + (x * error).rescale(2)
    return x


def one_over_one_plus(a: Fixed) -> Fixed:
    return Fixed(two_over_one_plus(a).raw, 1, a.bits).rescale(0)


def logistic(a: Fixed) -> Fixed:
    if a.raw == 0:
        return fixed(0.5, 0, a.bits)
    positive = one_over_one_plus(exp(Fixed(-abs(a.raw), a.integer_bits, a.bits)))
    return positive if a.raw > 0 else Fixed(2 ** (a.bits - 1) - 1 - positive.raw, 0, a.bits)


def tanh(a: Fixed) -> Fixed:
    if a.raw == 0:
        return Fixed(0, 0, a.bits)
    t = (two_over_one_plus(exp(Fixed(-abs(a.raw), a.integer_bits + 1, a.bits))) + -fixed(1, 2, a.bits)).rescale(0)
    return t if a.raw > 0 else -t


@pytest.mark.parametrize("integer_bits", range(7))
def test_16_bit_functions_follow_the_typed_definition(integer_bits):
    sample = np.append(INT16[::61], [-1, 0, 1, 2**15 - 1])
    words = [Fixed(int(raw), integer_bits, 16) for raw in sample]
    negative = sample[sample <= 0]
    want = [exp(word).raw for word in words if word.raw <= 0]
    np.testing.assert_array_equal(gemmlowp.exp_on_negative_values(negative, integer_bits, 16), want)
    np.testing.assert_array_equal(gemmlowp.logistic(sample, integer_bits, 16), [logistic(word).raw for word in words])
    np.testing.assert_array_equal(gemmlowp.tanh(sample, integer_bits, 16), [tanh(word).raw for word in words])


@given(raw=int32s, integer_bits=st.integers(0, 8))
def test_32_bit_functions_follow_the_typed_definition(raw, integer_bits):
    word = Fixed(raw, integer_bits, 32)
    assert gemmlowp.exp_on_negative_values(-abs(raw), integer_bits) == exp(Fixed(-abs(raw), integer_bits, 32)).raw
    assert gemmlowp.logistic(raw, integer_bits) == logistic(word).raw
    assert gemmlowp.tanh(raw, integer_bits) == tanh(word).raw


@given(raw=st.integers(0, 2**31 - 1))
def test_reciprocals_follow_the_typed_definition(raw):
    a = Fixed(raw, 0, 32)
    assert gemmlowp.one_over_one_plus_x(raw) == one_over_one_plus(a).raw
    assert gemmlowp.one_minus_x_over_one_plus_x(raw) == (two_over_one_plus(a) + -fixed(1, 2, 32)).rescale(0).raw


@pytest.mark.parametrize("integer_bits", range(7))
def test_16_bit_functions_are_near_the_real_ones_for_every_input(integer_bits):
    real = INT16 / 2.0 ** (15 - integer_bits)
    exp_of_negative = gemmlowp.exp_on_negative_values(NEGATIVE_INT16, integer_bits, 16) / 2**15
    np.testing.assert_allclose(exp_of_negative, np.exp(real[: len(NEGATIVE_INT16)]), atol=2.0**-13)
    np.testing.assert_allclose(gemmlowp.logistic(INT16, integer_bits, 16) / 2**15, 1 / (1 + np.exp(-real)), atol=2.0**-12)
    np.testing.assert_allclose(gemmlowp.tanh(INT16, integer_bits, 16) / 2**15, np.tanh(real), atol=2.0**-11)


@pytest.mark.parametrize("bits", [16, 32])
def test_the_ends_of_the_domain(bits):
    one, least = 2 ** (bits - 1) - 1, -(2 ** (bits - 1))
    assert gemmlowp.exp_on_negative_values(0, 3, bits) == one
    assert gemmlowp.exp_on_negative_values(least, 6, bits) == 0
    assert gemmlowp.logistic([0, one, least], 6, bits).tolist() == [2 ** (bits - 2), one, 0]
    assert gemmlowp.tanh([0, one, least], 6, bits).tolist() == [0, one, -one]
    assert gemmlowp.one_over_one_plus_x(0, bits) == one


@given(st.integers(-(2**31), 2**31 - 1), st.integers(-(2**31), 2**31 - 1))
def test_the_half_sum_rounds_ties_away_from_zero(a, b):
    total = a + b
    assert gemmlowp.rounding_half_sum(a, b) == (abs(total) + 1) // 2 * (1 if total >= 0 else -1)


@given(x=st.integers(1, 2**31 - 1), integer_bits=st.sampled_from((12, 31)))
def test_a_reciprocal_is_exact_to_27_bits(x, integer_bits):
    reciprocal, bits_over_unit = gemmlowp.get_reciprocal(x, integer_bits)
    assert 2**30 * (1 - 2.0**-27) <= reciprocal < 2**31
    assert math.isclose(reciprocal * 2.0 ** -(31 + bits_over_unit) * x, 2.0 ** (31 - integer_bits), rel_tol=2.0**-27)


def inv_sqrt(x: int) -> tuple[int, int]:
    if x <= 1:
        return 2**31 - 1, 0
    right = 11
    while x >= 2**29:
        x, right = x // 4, right + 1
    pairs = (31 - x.bit_length()) // 2 - 1
    x, right = x << 2 * pairs, right - pairs
    half = Fixed(x >> 1, 3, 32).times_power_of_two(-1)
    y = Fixed(2**28, 3, 32)
    for _ in range(5):
        cube = (y * y * y).rescale(3)
        y = (fixed(1.5, 3, 32) * y + -(half * cube)).rescale(3)
    y = y * fixed(math.sqrt(0.5), 0, 32)
    return y.raw << max(-right, 0), min(-right, 0)


@given(st.integers(-5, 2**31 - 1) | st.integers(0, 64).map(lambda power: min(2**power, 2**31 - 1)))
def test_the_inverse_square_root_follows_the_typed_definition(x):
    multiplier, shift = gemmlowp.get_inv_sqrt_quantized_multiplier_exp(x)
    assert (multiplier, shift) == inv_sqrt(x)


def test_the_inverse_square_root_is_near_the_real_one():
    x = np.concatenate([np.arange(1, 2**16), np.geomspace(2**16, 2**31 - 1, 5000).astype(np.int64)])
    multiplier, shift = gemmlowp.get_inv_sqrt_quantized_multiplier_exp(x)
    np.testing.assert_allclose(multiplier * 2.0 ** (shift - 31), 1 / np.sqrt(x), rtol=2.0**-19)


def test_the_logarithm_is_near_the_real_one():
    a = np.concatenate([2**19 + np.arange(2**14), np.geomspace(2**19, 2**31 - 1, 20000).astype(np.int64)])
    np.testing.assert_allclose(gemmlowp.log_on_values_above_one(a) / 2**26, np.log(a / 2**19), atol=2.0**-24)
