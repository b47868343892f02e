"""Fixed-point arithmetic, as the compiled kernels of TFLite do it.

Every function takes and returns integers of any shape. They are carried in int64 and wrapped exactly where C wraps on x86, so
NumPy reproduces the kernels bit for bit, overflow included. Names and signs are TFLite's: a shift > 0 is to the left.
A multiplier stands for quantized_multiplier * 2^(shift - 31); constants broadcast along the last axis.

(1)  high(a, b)    = floor(a b / 2^31 + 1/2)          the product of two fractions of 31 bits, ties up
(2)  divide(x, n)  = x / 2^n to nearest               ties away from zero
(3)  double rounding   divide(high(acc 2^max(s, 0), M), max(-s, 0))
(4)  half up           floor(high(acc 2^max(s, 0), M) / 2^max(-s, 0) + 1/2)
(5)  single rounding   floor(acc M / 2^(31 - s) + 1/2)

Source: gemmlowp, fixedpoint.h for (1) to (3); ruy, the AVX2 and NEON kernels for (4); TFLite, common.h for (3) and (5).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

INT32_MIN, INT32_MAX = -(2**31), 2**31 - 1
INT16_MIN, INT16_MAX = -(2**15), 2**15 - 1


def wrap_int32(x: ArrayLike) -> np.ndarray:
    """Return x modulo 2^32 as a signed number: what int32 holds after an overflow.

    >>> wrap_int32([2**31, -(2**31) - 1])
    array([-2147483648,  2147483647])
    """
    return np.asarray(x, np.int64).astype(np.int32).astype(np.int64)


def wrap_int16(x: ArrayLike) -> np.ndarray:
    """Return x modulo 2^16 as a signed number: what int16 holds after an overflow."""
    return np.asarray(x, np.int64).astype(np.int16).astype(np.int64)


def saturate_int32(x: ArrayLike) -> np.ndarray:
    """Clamp x to int32."""
    return np.clip(np.asarray(x, np.int64), INT32_MIN, INT32_MAX)


def saturate_int16(x: ArrayLike) -> np.ndarray:
    """Clamp x to int16."""
    return np.clip(np.asarray(x, np.int64), INT16_MIN, INT16_MAX)


def round_half_away(x: ArrayLike) -> np.ndarray:
    """The nearest integer to a float x, ties away from zero, in x's own type: C's `round`.

    Not trunc(x + 0.5): that sum is itself rounded, and takes 0.49999999999999994 to 1. The next float below a half does not, and
    still takes 0.5 to 1, since their sum is a tie that goes to even.

    >>> round_half_away([-2.5, 0.49999999999999994, 0.5])
    array([-3.,  0.,  1.])
    """
    x = np.asarray(x)
    below_half = np.nextafter(x.dtype.type(0.5), x.dtype.type(0))
    return np.trunc(x + np.copysign(below_half, x))


def cast_int32(x: ArrayLike) -> np.ndarray:
    """A float x truncated to int32 as x86 does it: -2^31 for NaN and for whatever does not fit.

    >>> cast_int32([-1.9, 1e10, float("nan")])
    array([         -1, -2147483648, -2147483648])
    """
    x = np.asarray(x)
    return np.where((x > INT32_MIN - 1.0) & (x < 2.0**31), x, INT32_MIN).astype(np.int64)


def quantize_multiplier(real: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Write real multipliers as quantized_multiplier * 2^(shift - 31), and so in 31 bits.

    real                  float64, finite; negative gives a negative multiplier
    quantized_multiplier  int64, 2^30 to 2^31 - 1, or -2^31 to -2^30; 0 where |real| < 2^-32
    shift                 int64, at least -31, with no upper limit

    >>> quantize_multiplier([0.75, 3.0])
    (array([1610612736, 1610612736]), array([0, 2]))
    """
    if not np.all(np.isfinite(real)):
        raise ValueError(f"a multiplier must be finite, found {real!r}")
    fraction, exponent = np.frexp(np.asarray(real, np.float64))
    multiplier = round_half_away(fraction * 2.0**31).astype(np.int64)
    carry = multiplier == 2**31
    shift = exponent + np.where(carry, 1, 0)
    vanishes = shift < -31
    return np.where(vanishes, 0, np.where(carry, 2**30, multiplier)), np.where(vanishes, 0, shift)


def reduce_multiplier(quantized_multiplier: ArrayLike) -> np.ndarray:
    """A multiplier of 31 bits rounded to 15, ties up, at most 2^15 - 1: the factor of `multiply_by_quantized_multiplier_64`."""
    return np.minimum((np.asarray(quantized_multiplier, np.int64) + 2**15) >> 16, INT16_MAX)


def count_leading_zeros(x: ArrayLike) -> np.ndarray:
    """The zero bits above the highest one bit of a 32-bit x; 32 for zero, 0 for a negative x.

    >>> count_leading_zeros([0, 1, 255, -1])
    array([32, 31, 24,  0])
    """
    bits = (np.asarray(x, np.int64) & 0xFFFFFFFF).astype(np.float64)
    return 32 - np.frexp(bits)[1].astype(np.int64)


def saturating_rounding_doubling_high_mul(a: ArrayLike, b: ArrayLike) -> np.ndarray:
    """round(a b / 2^31) for int32 a and b, ties up; the one case that overflows, -2^31 * -2^31, gives 2^31 - 1.

    >>> saturating_rounding_doubling_high_mul([2**30, -(2**31)], [3, -(2**31)])
    array([         2, 2147483647])
    """
    return np.minimum((np.asarray(a, np.int64) * np.asarray(b, np.int64) + 2**30) >> 31, INT32_MAX)


def saturating_rounding_doubling_high_mul_16(a: ArrayLike, b: ArrayLike) -> np.ndarray:
    """round(a b / 2^15) for int16 a and b, ties up; -2^15 * -2^15 gives 2^15 - 1."""
    return np.minimum((np.asarray(a, np.int64) * np.asarray(b, np.int64) + 2**14) >> 15, INT16_MAX)


def rounding_divide_by_pot(x: ArrayLike, exponent: ArrayLike) -> np.ndarray:
    """round(x / 2^exponent) for int32 x, ties away from zero.

    Defined for exponents 0 to 31. Beyond, x86 takes the exponent modulo 32 in the shift and modulo 64 in the mask.

    >>> rounding_divide_by_pot([-6, -5, 5, 6], 2)
    array([-2, -1,  1,  2])
    """
    x, exponent = np.asarray(x, np.int64), np.asarray(exponent, np.int64)
    mask = wrap_int32(~(np.int64(-1) << (exponent & 63)))
    return (x >> (exponent & 31)) + ((x & mask) > (mask >> 1) + (x < 0))


def saturating_left_shift(x: ArrayLike, exponent: ArrayLike) -> np.ndarray:
    """Return x * 2^exponent clamped to int32, for int32 x and exponents 0 to 31."""
    return saturate_int32(np.asarray(x, np.int64) << np.asarray(exponent, np.int64))


def saturating_left_shift_16(x: ArrayLike, exponent: ArrayLike) -> np.ndarray:
    """Return x * 2^exponent clamped to int16, for int16 x and exponents 0 to 15."""
    return saturate_int16(np.asarray(x, np.int64) << np.asarray(exponent, np.int64))


def _high_half(acc: ArrayLike, quantized_multiplier: ArrayLike, shift: np.ndarray) -> np.ndarray:
    """high(acc * 2^max(shift, 0), quantized_multiplier), equation (1); x86 takes the left shift modulo 32."""
    left = np.maximum(shift, 0) & 31
    return saturating_rounding_doubling_high_mul(wrap_int32(np.asarray(acc, np.int64) << left), quantized_multiplier)


def multiply_by_quantized_multiplier(acc: ArrayLike, quantized_multiplier: ArrayLike, shift: ArrayLike) -> np.ndarray:
    """Scale acc by quantized_multiplier * 2^(shift - 31), rounded twice as in equation (3): gemmlowp's rule, TFLite's default.

    acc is an int32; acc * 2^shift wraps to 32 bits before the product.

    >>> multiply_by_quantized_multiplier([-2, 2], 2**30, -1)
    array([-1,  1])
    """
    shift = np.asarray(shift, np.int64)
    return rounding_divide_by_pot(_high_half(acc, quantized_multiplier, shift), np.maximum(-shift, 0))


def multiply_by_quantized_multiplier_half_up(acc: ArrayLike, quantized_multiplier: ArrayLike, shift: ArrayLike) -> np.ndarray:
    """Scale acc by quantized_multiplier * 2^(shift - 31), rounded twice as in equation (4): the rule of ruy's vector kernels.

    It differs from equation (3) only where the high half is negative and half way between two results.

    >>> multiply_by_quantized_multiplier_half_up([-2, 2], 2**30, -1)
    array([0, 1])
    """
    shift = np.asarray(shift, np.int64)
    right = np.maximum(-shift, 0)
    return (_high_half(acc, quantized_multiplier, shift) + ((np.int64(1) << right) >> 1)) >> right


def multiply_by_quantized_multiplier_single(acc: ArrayLike, quantized_multiplier: ArrayLike, shift: ArrayLike) -> np.ndarray:
    """Scale acc by quantized_multiplier * 2^(shift - 31), rounded once as in equation (5): the rule under TFLITE_SINGLE_ROUNDING.

    acc is an int32, shift at most 30; the result wraps to 32 bits.
    """
    right = 31 - np.asarray(shift, np.int64)
    product = np.asarray(acc, np.int64) * np.asarray(quantized_multiplier, np.int64)
    return wrap_int32((product + (np.int64(1) << (right - 1))) >> right)


def multiply_by_quantized_multiplier_64(acc: ArrayLike, quantized_multiplier: ArrayLike, shift: ArrayLike) -> np.ndarray:
    """Scale an int64 acc by quantized_multiplier * 2^(shift - 31), rounded once: floor(acc R / 2^(15 - shift) + 1/2).

    R is the multiplier rounded to 15 bits, acc has at most 48, so the product has 63. The result wraps to 32 bits.
    Defined for shift <= 14; x86 takes the shift counts beyond modulo 64.
    """
    right = 15 - np.asarray(shift, np.int64)
    product = np.asarray(acc, np.int64) * reduce_multiplier(quantized_multiplier)
    return wrap_int32((product + (np.int64(1) << (right - 1 & 63))) >> (right & 63))
