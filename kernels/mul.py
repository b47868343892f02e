"""MUL of quantized operands."""

from __future__ import annotations

import numpy as np

from .fixed_point import multiply_by_quantized_multiplier, wrap_int16, wrap_int32
from .jit import numba


@numba.njit(cache=True, nogil=True)
def mul(x1, x2, input1_offset, input2_offset, multiplier, shift, output_offset, qmin, qmax, y):
    """Write y [N] = clamp((x1 + input1_offset) * (x2 + input2_offset) * multiplier * 2^(shift - 31) + output_offset).

    x1, x2 [N] of 16 bits or less; rounded twice.
    """
    for i in range(y.shape[0]):
        acc = (np.int64(x1[i]) + input1_offset) * (np.int64(x2[i]) + input2_offset)
        y[i] = min(max(wrap_int32(multiply_by_quantized_multiplier(acc, multiplier, shift) + output_offset), qmin), qmax)


@numba.njit(cache=True, nogil=True)
def mul_in_blocks(
    x1, x2, input1_offset, input2_offset, multiplier, shift, output_offset, qmin, qmax, segment, in_blocks, saturates, y
):
    """Write y as `mul` does, but in the first in_blocks of every `segment` elements results go through 16 bits.

    saturates  whether the scaled product is clamped to 16 bits, else it wraps to them; its sum with output_offset wraps
    """
    for first in range(0, y.shape[0], segment):
        for i in range(first, first + in_blocks):
            acc = (np.int64(x1[i]) + input1_offset) * (np.int64(x2[i]) + input2_offset)
            scaled = multiply_by_quantized_multiplier(acc, multiplier, shift)
            narrow = min(max(scaled, np.int64(-32768)), np.int64(32767)) if saturates else wrap_int16(scaled)
            y[i] = min(max(wrap_int16(narrow + output_offset), qmin), qmax)
        rest = slice(first + in_blocks, first + segment)
        mul(x1[rest], x2[rest], input1_offset, input2_offset, multiplier, shift, output_offset, qmin, qmax, y[rest])


@numba.njit(cache=True, nogil=True)
def mul_float32(x1, x2, input1_offset, input2_offset, scale, output_offset, qmin, qmax, y):
    """Write y [N] = clamp(rint((x1 + input1_offset) * (x2 + input2_offset) * scale) + output_offset), in float32.

    x1, x2 [N] of 8 bits, scale below 2^8: what is rounded fits in 32 bits.
    """
    offset1, offset2, zero_point = np.int32(input1_offset), np.int32(input2_offset), np.int32(output_offset)
    low, high = np.int32(qmin), np.int32(qmax)
    for i in range(y.shape[0]):
        acc = np.int32(np.int32(np.int32(x1[i]) + offset1) * np.int32(np.int32(x2[i]) + offset2))
        rounded = np.int32(np.rint(np.float32(acc) * scale))
        y[i] = min(max(np.int32(rounded + zero_point), low), high)
