"""ADD and SUB of quantized operands: both brought to one scale, summed, brought to the output's."""

from __future__ import annotations

import numba
import numpy as np

from .fixed_point import rounding_divide_by_pot, saturating_rounding_doubling_high_mul, wrap_int32


@numba.njit(cache=True, nogil=True)
def _scale(q, scaling):
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
        total = _scale(x1[i], scaling1) + sign * _scale(x2[i], scaling2)
        y[i] = min(max(wrap_int32(_scale(total, scaling_y) + output_offset), qmin), qmax)
