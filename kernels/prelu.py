"""PRELU of quantized operands."""

from __future__ import annotations

import numpy as np

from .fixed_point import multiply_by_quantized_multiplier, wrap_int32
from .jit import numba


@numba.njit(cache=True, nogil=True)
def prelu(x, alpha, input_offset, alpha_offset, identity, slope, output_offset, qmin, qmax, y):
    """Write y [N] = clamp(identity(v) or, below zero, slope(v * (alpha + alpha_offset)) + output_offset), v = x + input_offset.

    identity and slope are (multiplier, shift); rounded twice.
    """
    for i in range(y.shape[0]):
        v = np.int64(x[i]) + input_offset
        if v >= 0:
            scaled = multiply_by_quantized_multiplier(v, identity[0], identity[1])
        else:
            scaled = multiply_by_quantized_multiplier(v * (np.int64(alpha[i]) + alpha_offset), slope[0], slope[1])
        y[i] = min(max(wrap_int32(scaled + output_offset), qmin), qmax)
