"""ADD and SUB of quantized operands: both brought to one scale, summed, brought to the output's."""

from __future__ import annotations

import numpy as np

from .fixed_point import rounding_divide_by_pot, saturating_rounding_doubling_high_mul, wrap_int16, wrap_int32
from .jit import numba


@numba.njit(cache=True, nogil=True)
def scale(q, scaling):
    """(q + input_offset) * 2^left_shift * multiplier * 2^(-31 - right_shift), rounded twice."""
    input_offset, left_shift, multiplier, right_shift = scaling
    shifted = wrap_int32((np.int64(q) + input_offset) << left_shift)
    return rounding_divide_by_pot(saturating_rounding_doubling_high_mul(shifted, multiplier), right_shift)


@numba.njit(cache=True, nogil=True)
def add(x1, x2, scaling1, scaling2, sign, scaling_y, output_offset, qmin, qmax, y):
    """Write y [N] int16 = clamp(scale_y(scale_1(x1) + sign * scale_2(x2)) + output_offset) for x1, x2 [N] int16.

    A scaling is (input_offset, left_shift, multiplier, right_shift).
    """
    for i in range(y.shape[0]):
        total = scale(x1[i], scaling1) + sign * scale(x2[i], scaling2)
        y[i] = min(max(wrap_int32(scale(total, scaling_y) + output_offset), qmin), qmax)


@numba.njit(cache=True, nogil=True)
def _scale_in_block(q, scaling, folded):
    """The same as vector code rounds it: folded, left_shift - right_shift at once; else the division rounds down."""
    input_offset, left_shift, multiplier, right_shift = scaling
    offset = np.int64(q) + input_offset
    if folded:
        return saturating_rounding_doubling_high_mul(wrap_int32(offset << (left_shift - right_shift)), multiplier)
    return saturating_rounding_doubling_high_mul(wrap_int32(offset << left_shift), multiplier) >> right_shift


@numba.njit(cache=True, nogil=True)
def add_in_blocks(x1, x2, scaling1, scaling2, scaling_y, output_offset, qmin, qmax, folded, narrow, segment, in_blocks, y):
    """Write y as `add` does, but with vector code's scaling in the first in_blocks of every `segment` elements.

    narrow: there the result, and its sum with output_offset, wrap to 16 bits.
    """
    for i in range(y.shape[0]):
        if i % segment < in_blocks:
            total = _scale_in_block(x1[i], scaling1, folded) + _scale_in_block(x2[i], scaling2, folded)
            result = scale(total, scaling_y)
            result = wrap_int16(wrap_int16(result) + output_offset) if narrow else wrap_int32(result + output_offset)
        else:
            total = scale(x1[i], scaling1) + scale(x2[i], scaling2)
            result = wrap_int32(scale(total, scaling_y) + output_offset)
        y[i] = min(max(result, qmin), qmax)


@numba.njit(cache=True, nogil=True)
def vadd(x1, x2, input1_offset, input2_offset, multiplier1, multiplier2, shift, output_offset, qmin, qmax, y):
    """Write y [N] = clamp(((x1 + input1_offset) m1 + (x2 + input2_offset) m2) / 2^shift + output_offset), ties up, in int32.

    Multipliers are at most 2^21 and shifts at most 30, so that nothing wraps.
    """
    half, right, zero_point = np.int32(1 << (shift - 1)), np.int32(shift), np.int32(output_offset)
    offset1, offset2, m1, m2 = np.int32(input1_offset), np.int32(input2_offset), np.int32(multiplier1), np.int32(multiplier2)
    low, high = np.int32(qmin), np.int32(qmax)
    for i in range(y.shape[0]):
        first = np.int32(np.int32(np.int32(x1[i]) + offset1) * m1)
        total = np.int32(first + np.int32(np.int32(np.int32(x2[i]) + offset2) * m2))
        rounded = np.int32(np.int32(np.int32(total + half) >> right) + zero_point)
        y[i] = min(max(rounded, low), high)


@numba.njit(cache=True, nogil=True)
def squared_difference(x1, x2, scaling1, scaling2, scaling_y, output_offset, qmin, qmax, y):
    """Write y [N] = clamp(scale_y((scale_1(x1) - scale_2(x2))^2) + output_offset), the square in 32 bits."""
    for i in range(y.shape[0]):
        difference = scale(x1[i], scaling1) - scale(x2[i], scaling2)
        total = scale(wrap_int32(difference * difference), scaling_y)
        y[i] = min(max(wrap_int32(total + output_offset), qmin), qmax)
