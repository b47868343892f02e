"""L2_NORMALIZATION on integers of 8 bits, row by row."""

from __future__ import annotations

import numpy as np

from .fixed_point import multiply_by_quantized_multiplier, wrap_int32
from .gemmlowp import inverse_square_root
from .jit import numba


@numba.njit(cache=True, nogil=True)
def l2_normalization(x, input_offset, left, more, output_offset, low, high, y):
    """Write y [rows, depth] = clamp(v * 2^left / sqrt(sum(v^2)) * 2^more + output_offset), v = x + input_offset."""
    for row in range(x.shape[0]):
        total = np.int64(0)
        for k in range(x.shape[1]):
            v = np.int64(x[row, k]) + input_offset
            total += v * v
        multiplier, shift = inverse_square_root(wrap_int32(total))
        for k in range(x.shape[1]):
            v = (np.int64(x[row, k]) + input_offset) << left
            y[row, k] = min(max(multiply_by_quantized_multiplier(v, multiplier, shift + more) + output_offset, low), high)
