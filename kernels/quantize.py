"""QUANTIZE and DEQUANTIZE between float32 and integers, per tensor (one channel) or per axis."""

from __future__ import annotations

import numpy as np

from .fixed_point import wrap_int32
from .jit import numba

HALF = np.float32(0.49999997)  # the float before 1/2: its sum with a number never rounds up by itself
LIMIT = np.float32(2147483648.0)


@numba.njit(cache=True, nogil=True, inline="always")
def round_to_int32(steps):
    """A float32 number rounded, ties away from zero, as int64; -2^31 for what does not fit in 32 bits."""
    nearest = np.trunc(steps + np.copysign(HALF, steps)) if abs(steps) < LIMIT else steps
    return np.int64(nearest) if abs(nearest) < LIMIT else np.int64(-2147483648)


@numba.njit(cache=True, nogil=True, error_model="numpy")
def quantize(x, scale, zero_point, qmin, qmax, y):
    """Write y [outer, C, inner] = clamp(round(x / scale[c]) + zero_point[c]), x and scale float32, ties away from zero.

    What does not fit in 32 bits becomes -2^31.
    """
    low, high = np.int32(qmin), np.int32(qmax)
    for o in range(x.shape[0]):
        for c in range(x.shape[1]):
            offset, values, result = np.int32(zero_point[c]), x[o, c], y[o, c]
            for i in range(values.size):
                steps = values[i] / scale[c]
                nearest = np.trunc(steps + np.copysign(HALF, steps))
                whole = np.int32(nearest if abs(nearest) < LIMIT else -LIMIT)
                result[i] = min(max(np.int32(whole + offset), low), high)


@numba.njit(cache=True, nogil=True)
def quantize_by_reciprocal(x, reciprocal, zero_point, qmin, qmax, y):
    """Write y [N] = clamp(rint(x * reciprocal) + zero_point), float32, ties to even; -2^31 for what does not fit in 32 bits."""
    offset, low, high = np.int32(zero_point), np.int32(qmin), np.int32(qmax)
    for i in range(y.size):
        steps = np.rint(x[i] * reciprocal)
        whole = np.int32(steps if abs(steps) < LIMIT else -LIMIT)
        y[i] = min(max(np.int32(whole + offset), low), high)


@numba.njit(cache=True, nogil=True, error_model="numpy")
def quantize_float64(x, scale, zero_point, qmin, qmax, y):
    """Write y [N] = clamp(round(x / scale) + zero_point), float64, ties away from zero; what does not fit becomes -2^31."""
    for i in range(y.size):
        steps = np.float64(x[i]) / scale
        fits = abs(steps) < 2147483648.5
        whole = np.trunc(steps) if fits else -2147483648.0
        rest = steps - whole if fits else 0.0
        rounded = np.int64(whole) + np.int64(rest >= 0.5) - np.int64(rest <= -0.5)
        rounded = rounded if rounded <= np.int64(2147483647) else np.int64(-2147483648)
        y[i] = min(max(wrap_int32(rounded + zero_point), qmin), qmax)


@numba.njit(cache=True, nogil=True)
def quantize_within(x, reciprocal, zero_point, qmin, qmax, y):
    """Write y [N] = rint(x * reciprocal within the limits) + zero_point, float32, ties to even; NaN becomes the greatest."""
    lowest, greatest = np.float32(qmin - zero_point), np.float32(qmax - zero_point)
    offset = np.int32(zero_point)
    for i in range(y.size):
        steps = x[i] * reciprocal
        steps = steps if steps < greatest else greatest
        steps = steps if steps > lowest else lowest
        y[i] = np.int32(np.int32(np.rint(steps)) + offset)


@numba.njit(cache=True, nogil=True)
def dequantize(x, scale, zero_point, y):
    """Write y [outer, C, inner] float32 = scale[c] * (x - zero_point[c]), x int16, scale float64, rounded once."""
    for o in range(x.shape[0]):
        for c in range(x.shape[1]):
            for i in range(x.shape[2]):
                y[o, c, i] = np.float32(scale[c] * np.float64(np.int64(x[o, c, i]) - zero_point[c]))


@numba.njit(cache=True, nogil=True)
def dequantize_float32(x, scale, offset, y):
    """Write y [N] = x * scale + offset in float32, rounded twice."""
    for i in range(y.size):
        product = np.float32(x[i]) * scale
        y[i] = product + offset
