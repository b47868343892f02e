"""MUL of quantized operands."""

from __future__ import annotations

import numba
import numpy as np

from .fixed_point import multiply_by_quantized_multiplier, wrap_int32


@numba.njit(cache=True, nogil=True)
def mul(x1, x2, input1_offset, input2_offset, multiplier, shift, output_offset, qmin, qmax, y):
    """Write y [N] int16 = clamp((x1 + input1_offset) * (x2 + input2_offset) * multiplier * 2^(shift - 31) + output_offset).

    x1, x2 [N] int16; rounded twice.
    """
    for i in range(y.shape[0]):
        acc = (np.int64(x1[i]) + input1_offset) * (np.int64(x2[i]) + input2_offset)
        y[i] = min(max(wrap_int32(multiply_by_quantized_multiplier(acc, multiplier, shift) + output_offset), qmin), qmax)


@numba.njit(cache=True, nogil=True)
def mul_float32(x1, x2, input1_offset, input2_offset, scale, output_offset, qmin, qmax, y):
    """Write y [N] int16 = clamp(rint((x1 + input1_offset) * (x2 + input2_offset) * scale) + output_offset), in float32."""
    for i in range(y.shape[0]):
        acc = (np.int64(x1[i]) + input1_offset) * (np.int64(x2[i]) + input2_offset)
        y[i] = min(max(np.int64(np.rint(np.float32(acc) * scale)) + output_offset, qmin), qmax)
