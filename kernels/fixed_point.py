"""The jitted twin of qref/arithmetic/fixed_point.py, one number at a time, carried in int64."""

from __future__ import annotations

import numpy as np

from .jit import numba


@numba.njit(cache=True, nogil=True, inline="always")
def wrap_int32(x):
    """An int64 modulo 2^32 as a signed number."""
    return ((np.int64(x) & np.int64(0xFFFFFFFF)) ^ np.int64(0x80000000)) - np.int64(0x80000000)


@numba.njit(cache=True, nogil=True, inline="always")
def wrap_int16(x):
    """An int64 modulo 2^16 as a signed number."""
    return ((np.int64(x) & np.int64(0xFFFF)) ^ np.int64(0x8000)) - np.int64(0x8000)


@numba.njit(cache=True, nogil=True, inline="always")
def saturating_rounding_doubling_high_mul(a, b):
    """round(a * b / 2^31), ties toward +inf; saturates for -2^31 * -2^31."""
    return min((np.int64(a) * np.int64(b) + np.int64(1 << 30)) >> np.int64(31), np.int64(2147483647))


@numba.njit(cache=True, nogil=True, inline="always")
def rounding_divide_by_pot(x, exponent):
    """round(x / 2^exponent), ties away from zero; exponents 0 to 31."""
    mask = (np.int64(1) << np.int64(exponent)) - np.int64(1)
    threshold = (mask >> np.int64(1)) + np.int64(x < 0)
    return (np.int64(x) >> np.int64(exponent)) + np.int64((np.int64(x) & mask) > threshold)


@numba.njit(cache=True, nogil=True, inline="always")
def multiply_by_quantized_multiplier(acc, multiplier, shift):
    """Return acc * multiplier * 2^(shift - 31), rounded twice; shift > 0 is left, taken modulo 32 as x86 does above 31."""
    left = np.int64(max(shift, 0)) & np.int64(31)
    right = np.int64(max(-shift, 0))
    high = saturating_rounding_doubling_high_mul(wrap_int32(np.int64(acc) << left), multiplier)
    return rounding_divide_by_pot(high, right)


@numba.njit(cache=True, nogil=True, inline="always")
def multiply_by_quantized_multiplier_half_up(acc, multiplier, shift):
    """Return acc * multiplier * 2^(shift - 31), rounded twice, ties up both times."""
    left = np.int64(max(shift, 0)) & np.int64(31)
    right = np.int64(max(-shift, 0))
    high = saturating_rounding_doubling_high_mul(wrap_int32(np.int64(acc) << left), multiplier)
    return (high + ((np.int64(1) << right) >> np.int64(1))) >> right


@numba.njit(cache=True, nogil=True, inline="always")
def multiply_by_quantized_multiplier_64(acc, multiplier, shift):
    """Return acc * multiplier * 2^(shift - 31) for an int64 acc: the multiplier rounded to 15 bits, the product once; wraps."""
    reduced = min((np.int64(multiplier) + np.int64(32768)) >> np.int64(16), np.int64(32767))
    half = np.int64(1) << ((np.int64(14) - np.int64(shift)) & np.int64(63))
    return wrap_int32((np.int64(acc) * reduced + half) >> ((np.int64(15) - np.int64(shift)) & np.int64(63)))
