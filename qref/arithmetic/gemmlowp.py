"""Transcendental functions in fixed point, as gemmlowp and TFLite compute them on integers of 16 or 32 bits.

A word a with k integer bits, Qk, stands for a / 2^(bits - 1 - k): Q0 holds [-1, 1), Q5 holds [-32, 32). The product of a Qi and
a Qj is a Qi+j. Constants are given with 31 fraction bits and rounded to 15 for bits = 16.

(1)  exp(a)         = exp(a mod 1/4) * exp of the quarters, halves, ones, ... that the rest of a consists of
(2)  1 / (1 + a)    by Newton's method for 1 / h, h = (1 + a) / 2:  x <- x + x (1 - h x), from x = 48/17 - 32/17 h
(3)  logistic(a)    = 1 / (1 + exp(-a)),  tanh(a) = 2 / (1 + exp(-2 a)) - 1,  both for a > 0, and by symmetry

Source: gemmlowp, fixedpoint.h; TFLite, common.h and log_softmax.h.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from .fixed_point import (
    INT32_MAX,
    count_leading_zeros,
    rounding_divide_by_pot,
    saturate_int16,
    saturate_int32,
    saturating_left_shift,
    saturating_left_shift_16,
    saturating_rounding_doubling_high_mul,
    saturating_rounding_doubling_high_mul_16,
    wrap_int32,
)

_multiply = saturating_rounding_doubling_high_mul


class _Word:
    """Arithmetic on words of one width."""

    def __init__(self, bits: int):
        self.bits = bits
        self.one = 2 ** (bits - 1) - 1  # the greatest Q0 stands for 1
        self.multiply, self.left_shift, self.saturate = {
            16: (saturating_rounding_doubling_high_mul_16, saturating_left_shift_16, saturate_int16),
            32: (saturating_rounding_doubling_high_mul, saturating_left_shift, saturate_int32),
        }[bits]

    def constant(self, value: int) -> int:
        return int(rounding_divide_by_pot(value, 32 - self.bits))


_WORDS = {bits: _Word(bits) for bits in (16, 32)}

# exp(-2^exponent) as Q0, for the exponents that occur.
_EXP_OF_MINUS_POWERS = {
    -2: 1672461947,
    -1: 1302514674,
    0: 790015084,
    1: 290630308,
    2: 39332535,
    3: 720401,
    4: 242,
}


def _exp_on_quarter(a: np.ndarray, word: _Word) -> np.ndarray:
    """exp(a) for Q0 a in [-1/4, 0): a Taylor polynomial of degree 4 around -1/8."""
    multiply = word.multiply
    exp_of_minus_eighth, third = word.constant(1895147668), word.constant(715827883)
    x = a + 2 ** (word.bits - 4)
    x2 = multiply(x, x)
    x3, x4 = multiply(x2, x), multiply(x2, x2)
    tail = rounding_divide_by_pot(multiply(rounding_divide_by_pot(x4, 2) + x3, third) + x2, 1)
    return word.saturate(exp_of_minus_eighth + multiply(exp_of_minus_eighth, x + tail))


def exp_on_negative_values(a: ArrayLike, integer_bits: int, bits: int = 32) -> np.ndarray:
    """exp(a) as Q0, for a <= 0 with integer_bits integer bits.

    >>> exp_on_negative_values([0, -(2**26)], 5) / 2**31
    array([1.        , 0.36787955])
    """
    word, a = _WORDS[bits], np.asarray(a, np.int64)
    fraction_bits = bits - 1 - integer_bits
    quarter = 2 ** (fraction_bits - 2)
    below_quarter = (a & (quarter - 1)) - quarter
    result = _exp_on_quarter(word.left_shift(below_quarter, integer_bits), word)
    rest = below_quarter - a
    for exponent, factor in _EXP_OF_MINUS_POWERS.items():
        if exponent < integer_bits:
            present = rest & 2 ** (fraction_bits + exponent) != 0
            result = np.where(present, word.multiply(result, word.constant(factor)), result)
    if integer_bits > 5:
        result = np.where(a < -(2 ** (fraction_bits + 5)), 0, result)
    return np.where(a == 0, word.one, result)


def rounding_half_sum(a: ArrayLike, b: ArrayLike) -> np.ndarray:
    """round((a + b) / 2), ties away from zero."""
    total = np.asarray(a, np.int64) + np.asarray(b, np.int64)
    return (total + (total >= 0)) >> 1


def _newton(a: ArrayLike, word: _Word) -> np.ndarray:
    """2 / (1 + a) as Q2, for Q0 a in [0, 1): three steps of equation (2)."""
    half = rounding_half_sum(a, word.one)
    one = 2 ** (word.bits - 3)
    x = word.constant(1515870810) + word.multiply(half, word.constant(-1010580540))
    for _ in range(3):
        x = x + word.left_shift(word.multiply(x, one - word.multiply(half, x)), 2)
    return x


def one_over_one_plus_x(a: ArrayLike, bits: int = 32) -> np.ndarray:
    """Return 1 / (1 + a) as Q0, for Q0 a in [0, 1).

    >>> one_over_one_plus_x([0, 2**30]) / 2**31
    array([1.        , 0.66666667])
    """
    word = _WORDS[bits]
    return word.left_shift(_newton(a, word), 1)


def one_minus_x_over_one_plus_x(a: ArrayLike, bits: int = 32) -> np.ndarray:
    """Return (1 - a) / (1 + a) as Q0, for Q0 a in [0, 1)."""
    word = _WORDS[bits]
    return word.left_shift(_newton(a, word) - 2 ** (bits - 3), 2)


def logistic(a: ArrayLike, integer_bits: int, bits: int = 32) -> np.ndarray:
    """Return 1 / (1 + exp(-a)) as Q0, for a with integer_bits integer bits."""
    a = np.asarray(a, np.int64)
    positive = one_over_one_plus_x(exp_on_negative_values(-np.abs(a), integer_bits, bits), bits)
    return np.where(a == 0, 2 ** (bits - 2), np.where(a > 0, positive, _WORDS[bits].one - positive))


def tanh(a: ArrayLike, integer_bits: int, bits: int = 32) -> np.ndarray:
    """Return the hyperbolic tangent of a as Q0, for a with integer_bits integer bits.

    2 a is the same word with one integer bit more.
    """
    a = np.asarray(a, np.int64)
    return np.sign(a) * one_minus_x_over_one_plus_x(exp_on_negative_values(-np.abs(a), integer_bits + 1, bits), bits)


def get_reciprocal(x: ArrayLike, integer_bits: int) -> tuple[np.ndarray, np.ndarray]:
    """Return 1 / x for an int32 x > 0 with integer_bits integer bits, as reciprocal * 2^-(31 + num_bits_over_unit).

    reciprocal          Q0 in (1/2, 1]: the reciprocal of x's leading bits, scaled to [1, 2)
    num_bits_over_unit  the position of x's highest bit above its unit

    >>> reciprocal, bits_over_unit = get_reciprocal(3 << 19, 12)
    >>> float(reciprocal / 2.0 ** (31 + bits_over_unit))
    0.3333333325572312
    """
    headroom = count_leading_zeros(x)
    normalized = (np.asarray(x, np.int64) & 0xFFFFFFFF) << headroom
    return one_over_one_plus_x(wrap_int32(normalized - 2**31)), integer_bits - headroom


def get_inv_sqrt_quantized_multiplier_exp(x: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Return 1 / sqrt(x) for an int32 x as quantized_multiplier * 2^(shift - 31); 1 for x <= 1.

    x is shifted by an even number of bits to about 1/4 to 1, then y <- y (3 - x y^2) / 2, five times from y = 1, and finally
    times sqrt(1/2).
    """
    x = np.asarray(x, np.int64)
    trivial = x <= 1
    a = np.where(trivial, 2, x)
    right = np.full(a.shape, 11)
    while np.any(large := a >= 2**29):
        a = np.where(large, a >> 2, a)
        right = right + large
    pairs = (count_leading_zeros(a) - 1) // 2 - 1
    half = rounding_divide_by_pot(a << 2 * pairs >> 1, 1)
    right = right - pairs
    y = np.full(a.shape, 2**28)  # Q3
    for _ in range(5):
        cube = saturating_left_shift(_multiply(_multiply(y, y), y), 6)
        y = saturating_left_shift(_multiply(2**28 + 2**27, y) - _multiply(half, cube), 3)
    y = _multiply(y, 1518500250) << np.maximum(-right, 0)
    return np.where(trivial, INT32_MAX, y), np.where(trivial, 0, -np.maximum(right, 0))


def log_on_values_above_one(a: ArrayLike) -> np.ndarray:
    """log(a) as Q5, for Q12 a >= 1.

    a = 2^k r. Of two such splits, with k a quarter above and a quarter below an integer, the one with the greater k and the
    smaller r is taken, so that r stays near 2^(-1/4); log(r) is a rational function of r around there.
    """
    a = np.asarray(a, np.int64)
    sqrt_half, fourth_root_half, log_2 = 1518500250, 1805811301, 1488522236
    quarter = 2**23  # Q6

    high_zeros = count_leading_zeros(a)
    r_high = saturating_left_shift(_multiply(saturating_left_shift(a, high_zeros - 1), sqrt_half), 1)
    k_high = saturate_int32(saturating_left_shift(12 - high_zeros, 25) + quarter)
    low_zeros = count_leading_zeros(_multiply(a, sqrt_half)) - 1
    r_low = saturating_left_shift(a, low_zeros)
    k_low = saturate_int32(saturating_left_shift(12 - low_zeros, 25) - quarter)
    r, k = np.minimum(r_high, r_low), np.maximum(k_high, k_low)

    p, q = rounding_half_sum(r, fourth_root_half), 2 * (r - fourth_root_half)
    q2 = _multiply(q, q)
    numerator = _multiply(q, r) + _multiply(_multiply(q, q2), 117049297)
    denominator = _multiply(p, 1057819769 + q + _multiply(127690142, q2)) + _multiply(638450708, q)
    log_r = _multiply(rounding_divide_by_pot(numerator, 6), one_over_one_plus_x(denominator))
    return saturating_left_shift(_multiply(k, log_2) + log_r, 1)
