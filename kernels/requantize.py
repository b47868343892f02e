"""Accumulators to output values, one kernel for each rounding rule of qref/arithmetic/requantize.py.

All take acc [M, C] int32 or int64, their constants [C], output_offset, qmin, qmax and write y [M, C].
"""

from __future__ import annotations

import math

import numpy as np

from .fixed_point import (
    multiply_by_quantized_multiplier,
    multiply_by_quantized_multiplier_64,
    multiply_by_quantized_multiplier_half_up,
    wrap_int32,
)
from .jit import numba


@numba.njit(cache=True, nogil=True)
def double_rounding(acc, multiplier, shift, output_offset, qmin, qmax, y):
    """Write y = clamp(acc * multiplier * 2^(shift - 31), rounded twice, + output_offset)."""
    for m in range(acc.shape[0]):
        for c in range(acc.shape[1]):
            scaled = multiply_by_quantized_multiplier(acc[m, c], multiplier[c], shift[c])
            y[m, c] = min(max(wrap_int32(scaled + output_offset), qmin), qmax)


@numba.njit(cache=True, nogil=True)
def half_up(acc, multiplier, shift, in_blocks, output_offset, qmin, qmax, y):
    """Write y as double_rounding does, but in the channels before in_blocks with ties up in the second rounding too."""
    for m in range(acc.shape[0]):
        for c in range(in_blocks):
            scaled = multiply_by_quantized_multiplier_half_up(acc[m, c], multiplier[c], shift[c])
            y[m, c] = min(max(wrap_int32(scaled + output_offset), qmin), qmax)
        for c in range(in_blocks, acc.shape[1]):
            scaled = multiply_by_quantized_multiplier(acc[m, c], multiplier[c], shift[c])
            y[m, c] = min(max(wrap_int32(scaled + output_offset), qmin), qmax)


@numba.njit(cache=True, nogil=True)
def float32_half_even(acc, effective_scale, output_offset, qmin, qmax, y):
    """Write y = clamp(acc * effective_scale in float32, ties to even, within 2^30 either way, + output_offset)."""
    low, high = np.float32(-1073741824.0), np.float32(1073741824.0)
    for m in range(acc.shape[0]):
        for c in range(acc.shape[1]):
            product = np.float32(acc[m, c]) * effective_scale[c]
            rounded = np.int64(np.rint(min(max(product, low), high)))
            y[m, c] = min(max(rounded + output_offset, qmin), qmax)


@numba.njit(cache=True, nogil=True)
def single_rounding_64(acc, multiplier, shift, output_offset, qmin, qmax, y):
    """Write y = clamp(acc * multiplier reduced to 15 bits, rounded once, + output_offset)."""
    for m in range(acc.shape[0]):
        for c in range(acc.shape[1]):
            scaled = multiply_by_quantized_multiplier_64(acc[m, c], multiplier[c], shift[c])
            y[m, c] = min(max(wrap_int32(scaled + output_offset), qmin), qmax)


@numba.njit(cache=True, nogil=True)
def float64_half_away(acc, effective_scale, output_offset, qmin, qmax, y):
    """Write y = clamp(acc * effective_scale in float64, ties away from zero, + output_offset); what is no int32 becomes -2^31."""
    for m in range(acc.shape[0]):
        for c in range(acc.shape[1]):
            product = np.float64(acc[m, c]) * effective_scale[c]
            rounded = np.int64(-2147483648)
            if -2147483649.0 < product < 2147483648.0:
                whole = math.trunc(product)
                part = product - whole
                rounded = np.int64(whole) + np.int64(part >= 0.5) - np.int64(part <= -0.5)
                rounded = rounded if -2147483648 <= rounded <= 2147483647 else np.int64(-2147483648)
            y[m, c] = min(max(wrap_int32(rounded + output_offset), qmin), qmax)
