"""Fixed-point arithmetic against exact fractions."""

import ctypes
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qref.arithmetic import fixed_point as fp

INT16 = np.arange(-(2**15), 2**15)
int16s = st.integers(-(2**15), 2**15 - 1)
int32s = st.integers(-(2**31), 2**31 - 1)
int64s = st.integers(-(2**63), 2**63 - 1)
edges = st.sampled_from((-(2**31), -(2**31) + 1, -(2**30), -1, 0, 1, 2**30, 2**31 - 1))
multipliers = st.integers(2**30, 2**31 - 1)
HALF = Fraction(1, 2)


def ties_up(x: Fraction) -> int:
    return math.floor(x + HALF)


def ties_away(x: Fraction) -> int:
    return math.floor(x + HALF) if x >= 0 else -math.floor(-x + HALF)


def high(a: int, b: int, bits: int) -> int:
    return min(ties_up(Fraction(a * b, 2 ** (bits - 1))), 2 ** (bits - 1) - 1)


@given(int64s)
def test_wrapping_is_what_c_integers_do(x):
    assert fp.wrap_int32(x) == ctypes.c_int32(x).value
    assert fp.wrap_int16(x) == ctypes.c_int16(x).value


@given(int64s)
def test_saturation_clamps(x):
    assert fp.saturate_int32(x) == min(max(x, -(2**31)), 2**31 - 1)
    assert fp.saturate_int16(x) == min(max(x, -(2**15)), 2**15 - 1)


@given(st.floats(-(2.0**54), 2.0**54))
def test_round_half_away_is_exact_in_float64(x):
    assert fp.round_half_away(x) == ties_away(Fraction(x))


@given(st.floats(-(2.0**25), 2.0**25, width=32))
def test_round_half_away_is_exact_in_float32(x):
    rounded = fp.round_half_away(np.float32(x))
    assert rounded == ties_away(Fraction(x))
    assert rounded.dtype == np.float32


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_round_half_away_at_every_tie_and_beside_it(dtype):
    ties = np.concatenate([(np.arange(64) + 0.5) * 2.0**k for k in range(24)]).astype(dtype)
    beside = np.concatenate([ties, np.nextafter(ties, dtype(0)), np.nextafter(ties, dtype(np.inf))])
    values = np.concatenate([beside, -beside])
    np.testing.assert_array_equal(fp.round_half_away(values), [ties_away(Fraction(float(x))) for x in values])


def test_round_half_away_keeps_infinities_and_nan():
    np.testing.assert_array_equal(fp.round_half_away([np.inf, -np.inf, np.nan]), [np.inf, -np.inf, np.nan])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_cast_to_int32_truncates_and_gives_the_least_integer_for_what_does_not_fit(dtype):
    x = np.array([1.9, -1.9, -(2.0**31), 2.0**31, -(2.0**32), 1e30, np.inf, -np.inf, np.nan], dtype)
    np.testing.assert_array_equal(fp.cast_int32(x), [1, -1] + [-(2**31)] * 7)
    assert fp.cast_int32(np.float64(2**31 - 1)) == 2**31 - 1
    assert fp.cast_int32(np.float64(-(2**31) - 0.5)) == -(2**31)


@given(st.floats(2.0**-32, 2.0**40))
def test_quantize_multiplier_is_the_nearest_fraction_of_31_bits(real):
    multiplier, shift = (int(constant) for constant in fp.quantize_multiplier(real))
    assert 2**30 <= multiplier < 2**31
    assert shift >= -31
    unit = Fraction(2) ** (shift - 31)
    assert abs(multiplier * unit - Fraction(real)) <= unit / 2


def test_quantize_multiplier_carries_into_the_shift():
    multiplier, shift = fp.quantize_multiplier(np.nextafter([1.0, -1.0], 0))
    np.testing.assert_array_equal(multiplier, [2**30, -(2**31)])
    np.testing.assert_array_equal(shift, [1, 0])


def test_quantize_multiplier_flushes_what_a_shift_of_31_cannot_hold():
    multiplier, shift = fp.quantize_multiplier([0.0, 2.0**-33, 2.0**-32])
    np.testing.assert_array_equal(multiplier, [0, 0, 2**30])
    np.testing.assert_array_equal(shift, [0, 0, -31])


@pytest.mark.parametrize("real", [np.inf, -np.inf, np.nan])
def test_quantize_multiplier_refuses_what_is_not_finite(real):
    with pytest.raises(ValueError, match="finite"):
        fp.quantize_multiplier([0.5, real])


@given(st.integers(0, 2**31 - 1))
def test_a_multiplier_is_reduced_to_15_bits_and_saturates(multiplier):
    assert fp.reduce_multiplier(multiplier) == min(ties_up(Fraction(multiplier, 2**16)), 2**15 - 1)


@given(int32s | edges)
def test_count_leading_zeros(x):
    assert fp.count_leading_zeros(x) == 32 - (x % 2**32).bit_length()


@given(int32s | edges, int32s | edges)
def test_the_high_half_of_a_product_rounds_ties_up_and_saturates(a, b):
    assert fp.saturating_rounding_doubling_high_mul(a, b) == high(a, b, 32)


@pytest.mark.parametrize("b", [-(2**15), -12345, -1, 0, 1, 2**14, 2**15 - 1])
def test_the_high_half_of_a_16_bit_product_for_every_factor(b):
    want = [high(int(a), b, 16) for a in INT16]
    np.testing.assert_array_equal(fp.saturating_rounding_doubling_high_mul_16(INT16, b), want)


@pytest.mark.parametrize("exponent", range(32))
def test_rounding_divide_by_pot_rounds_ties_away_from_zero(exponent):
    x = np.concatenate([INT16, INT16 << 16, [2**31 - 1, 1 - 2**31]])
    magnitude = (2 * np.abs(x) + 2**exponent) // 2 ** (exponent + 1)
    np.testing.assert_array_equal(fp.rounding_divide_by_pot(x, exponent), np.sign(x) * magnitude)


@pytest.mark.parametrize("exponent", range(32, 64))
def test_rounding_divide_by_pot_beyond_31_shifts_as_x86_does(exponent):
    x = np.array([-(2**31), -5, -1, 0, 1, 5, 2**31 - 1])
    np.testing.assert_array_equal(fp.rounding_divide_by_pot(x, exponent), (x >> exponent - 32) + (x >= 0))


@given(int32s, st.integers(0, 31))
def test_a_left_shift_saturates_to_32_bits(x, exponent):
    assert fp.saturating_left_shift(x, exponent) == min(max(x * 2**exponent, -(2**31)), 2**31 - 1)


@pytest.mark.parametrize("exponent", range(16))
def test_a_left_shift_saturates_to_16_bits(exponent):
    want = [min(max(int(x) * 2**exponent, -(2**15)), 2**15 - 1) for x in INT16]
    np.testing.assert_array_equal(fp.saturating_left_shift_16(INT16, exponent), want)


@given(int32s | edges, multipliers, st.integers(-31, 31))
def test_gemmlowp_rounds_twice_ties_up_then_away(acc, multiplier, shift):
    shifted = ctypes.c_int32(acc << max(shift, 0)).value
    want = ties_away(Fraction(high(shifted, multiplier, 32), 2 ** max(-shift, 0)))
    assert fp.multiply_by_quantized_multiplier(acc, multiplier, shift) == want


@given(int32s | edges, multipliers, st.integers(-31, 31))
def test_ruy_rounds_twice_ties_up_both_times(acc, multiplier, shift):
    shifted = ctypes.c_int32(acc << max(shift, 0)).value
    want = ties_up(Fraction(high(shifted, multiplier, 32), 2 ** max(-shift, 0)))
    assert fp.multiply_by_quantized_multiplier_half_up(acc, multiplier, shift) == want


@given(int32s | edges, multipliers, st.integers(32, 120))
def test_a_left_shift_beyond_31_is_taken_modulo_32(acc, multiplier, shift):
    for scale in (fp.multiply_by_quantized_multiplier, fp.multiply_by_quantized_multiplier_half_up):
        assert scale(acc, multiplier, shift) == scale(acc, multiplier, shift % 32)


@given(int32s | edges, multipliers, st.integers(-31, 30))
def test_single_rounding_rounds_the_exact_product_once(acc, multiplier, shift):
    exact = Fraction(acc * multiplier) * Fraction(2) ** (shift - 31)
    assert fp.multiply_by_quantized_multiplier_single(acc, multiplier, shift) == ctypes.c_int32(ties_up(exact)).value


@given(st.integers(-(2**47), 2**47 - 1), multipliers, st.integers(-31, 7))
def test_64_bit_accumulators_take_a_15_bit_multiplier_and_round_once(acc, multiplier, shift):
    reduced = min(ties_up(Fraction(multiplier, 2**16)), 2**15 - 1)
    exact = Fraction(acc * reduced) * Fraction(2) ** (shift - 15)
    assert fp.multiply_by_quantized_multiplier_64(acc, multiplier, shift) == ctypes.c_int32(ties_up(exact)).value


@pytest.mark.parametrize(
    "scale",
    [
        fp.multiply_by_quantized_multiplier,
        fp.multiply_by_quantized_multiplier_half_up,
        fp.multiply_by_quantized_multiplier_single,
        fp.multiply_by_quantized_multiplier_64,
    ],
)
def test_multipliers_and_shifts_broadcast_along_the_last_axis(scale):
    rng = np.random.default_rng(0)
    acc = rng.integers(-(2**20), 2**20, (3, 2, 5)).astype(np.int32)
    multiplier, shift = fp.quantize_multiplier(rng.uniform(1e-4, 1.5, 5))
    scaled = scale(acc, multiplier, shift)
    assert scaled.dtype == np.int64
    for channel in range(5):
        np.testing.assert_array_equal(scaled[..., channel], scale(acc[..., channel], multiplier[channel], shift[channel]))


def test_the_two_double_roundings_differ_only_at_negative_ties_of_the_second_step():
    acc, shift = np.arange(-1000, 1001), -3
    away = fp.multiply_by_quantized_multiplier(acc, 2**30, shift)
    up = fp.multiply_by_quantized_multiplier_half_up(acc, 2**30, shift)
    tie = (acc < 0) & ((acc + 1) // 2 % 8 == 4)
    np.testing.assert_array_equal(up - away, tie)
