"""The jitted twin of what kernels need of qref/arithmetic/gemmlowp.py, one number at a time, carried in int64."""

from __future__ import annotations

import numpy as np

from .fixed_point import rounding_divide_by_pot, saturating_rounding_doubling_high_mul
from .jit import numba

INT32_MAX = np.int64(2**31 - 1)
SQRT_HALF, FOURTH_ROOT_HALF, LOG_2 = np.int64(1518500250), np.int64(1805811301), np.int64(1488522236)


@numba.njit(cache=True, nogil=True)
def count_leading_zeros(x):
    """The zero bits above the highest one bit of x, 0 <= x < 2^32; 32 for zero."""
    zeros = 32
    while x:
        x >>= 1
        zeros -= 1
    return zeros


@numba.njit(cache=True, nogil=True, inline="always")
def saturate(x):
    """An int64 within the limits of int32."""
    return min(max(x, -INT32_MAX - 1), INT32_MAX)


@numba.njit(cache=True, nogil=True)
def one_over_one_plus_x(a):
    """1 / (1 + a), both Q0 of 32 bits: three steps of Newton's method for the reciprocal of h = (1 + a) / 2."""
    half = rounding_half_sum(a, INT32_MAX)
    x = np.int64(1515870810) + saturating_rounding_doubling_high_mul(half, np.int64(-1010580540))
    for _ in range(3):
        error = np.int64(1 << 29) - saturating_rounding_doubling_high_mul(half, x)
        x += saturate(saturating_rounding_doubling_high_mul(x, error) << 2)
    return saturate(x << 1)


@numba.njit(cache=True, nogil=True, inline="always")
def rounding_half_sum(a, b):
    """round((a + b) / 2), ties away from zero."""
    total = np.int64(a) + np.int64(b)
    return (total + np.int64(total >= 0)) >> np.int64(1)


@numba.njit(cache=True, nogil=True)
def inverse_square_root(x):
    """1 / sqrt(x) for an int32 x as (multiplier, shift): multiplier * 2^(shift - 31); 1 for x <= 1."""
    if x <= 1:
        return INT32_MAX, np.int64(0)
    right = np.int64(11)
    while x >= 1 << 29:
        x >>= 2
        right += 1
    pairs = np.int64((count_leading_zeros(x) - 1) // 2 - 1)
    half = rounding_divide_by_pot((x << (2 * pairs)) >> 1, 1)
    right -= pairs
    y = np.int64(1 << 28)
    for _ in range(5):
        square = saturating_rounding_doubling_high_mul(y, y)
        cube = saturate(saturating_rounding_doubling_high_mul(square, y) << 6)
        step = saturating_rounding_doubling_high_mul(np.int64(3 << 27), y) - saturating_rounding_doubling_high_mul(half, cube)
        y = saturate(step << 3)
    return saturating_rounding_doubling_high_mul(y, SQRT_HALF) << max(-right, np.int64(0)), -max(right, np.int64(0))


@numba.njit(cache=True, nogil=True)
def log_on_values_above_one(a):
    """log(a) as Q5, for Q12 a >= 1: of two splits a = 2^k r the one with the greater k and the smaller r."""
    quarter = np.int64(1 << 23)
    high_zeros = count_leading_zeros(a)
    r_high = saturate(saturating_rounding_doubling_high_mul(saturate(a << np.int64(high_zeros - 1)), SQRT_HALF) << 1)
    k_high = saturate(saturate(np.int64(12 - high_zeros) << 25) + quarter)
    low_zeros = count_leading_zeros(saturating_rounding_doubling_high_mul(a, SQRT_HALF)) - 1
    r_low = saturate(a << np.int64(low_zeros))
    k_low = saturate(saturate(np.int64(12 - low_zeros) << 25) - quarter)
    r, k = min(r_high, r_low), max(k_high, k_low)

    p, q = rounding_half_sum(r, FOURTH_ROOT_HALF), 2 * (r - FOURTH_ROOT_HALF)
    q2 = saturating_rounding_doubling_high_mul(q, q)
    cubic = saturating_rounding_doubling_high_mul(saturating_rounding_doubling_high_mul(q, q2), 117049297)
    numerator = saturating_rounding_doubling_high_mul(q, r) + cubic
    sum_of_powers = 1057819769 + q + saturating_rounding_doubling_high_mul(np.int64(127690142), q2)
    denominator = saturating_rounding_doubling_high_mul(p, sum_of_powers)
    denominator += saturating_rounding_doubling_high_mul(np.int64(638450708), q)
    log_r = saturating_rounding_doubling_high_mul(rounding_divide_by_pot(numerator, 6), one_over_one_plus_x(denominator))
    return saturate((saturating_rounding_doubling_high_mul(k, LOG_2) + log_r) << 1)
