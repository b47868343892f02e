"""QUANTIZE and DEQUANTIZE between float32 and integers, per tensor (one channel) or per axis."""

from __future__ import annotations

import numba
import numpy as np

from .fixed_point import wrap_int32


@numba.njit(cache=True, nogil=True, error_model="numpy")
def quantize(x, scale, zero_point, qmin, qmax, y):
    """Write y [outer, C, inner] int16 = clamp(round(x / scale[c]) + zero_point[c]), x and scale float32, ties away from zero.

    What does not fit in 32 bits becomes -2^31.
    """
    half = np.float32(0.49999997)  # the float before 1/2: its sum with a number never rounds up by itself
    for o in range(x.shape[0]):
        for c in range(x.shape[1]):
            for i in range(x.shape[2]):
                steps = x[o, c, i] / scale[c]
                nearest = np.trunc(steps + np.copysign(half, steps)) if abs(steps) < 2147483648.0 else steps
                fits = abs(nearest) < 2147483648.0
                whole = np.int64(nearest) if fits else np.int64(-2147483648)
                y[o, c, i] = min(max(wrap_int32(whole + zero_point[c]), qmin), qmax)


@numba.njit(cache=True, nogil=True)
def dequantize(x, scale, zero_point, y):
    """Write y [outer, C, inner] float32 = scale[c] * (x - zero_point[c]), x int16, scale float64, rounded once."""
    for o in range(x.shape[0]):
        for c in range(x.shape[1]):
            for i in range(x.shape[2]):
                y[o, c, i] = np.float32(scale[c] * np.float64(np.int64(x[o, c, i]) - zero_point[c]))
