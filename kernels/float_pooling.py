"""AVERAGE_POOL_2D and MAX_POOL_2D in float32 as XNNPACK: nine taps at a time. Denormals are zeros.

taps [P, chunks, 9] int64: where in a flat x the channels of each tap of an output pixel begin, -1 for zeros.
"""

from __future__ import annotations

import numpy as np

from .denormals import flush, restore
from .float_functions import flushed
from .jit import numba

CHUNK = 9


@numba.njit(cache=True, nogil=True)
def _fetch(x, taps, t):
    for slot in range(CHUNK):
        first = taps[slot]
        if first < 0:
            t[slot, :] = np.float32(0)
        else:
            for c in range(t.shape[1]):
                t[slot, c] = flushed(x[first + c])


@numba.njit(cache=True, nogil=True)
def average(x, taps, factors, low, high, y):
    """Write y [P, C] = clamp(sum of chunks * factors [P]); NaN becomes the lower limit."""
    mode = flush(True)
    t = np.empty((CHUNK, y.shape[1]), np.float32)
    for pixel in range(y.shape[0]):
        for chunk in range(taps.shape[1]):
            _fetch(x, taps[pixel, chunk], t)
            for c in range(y.shape[1]):
                total = ((t[2, c] + t[3, c]) + (t[4, c] + t[5, c])) + (((t[0, c] + t[1, c]) + t[8, c]) + (t[6, c] + t[7, c]))
                y[pixel, c] = y[pixel, c] + total if chunk else total
        for c in range(y.shape[1]):
            value = y[pixel, c] * factors[pixel]
            value = value if value > low else low
            y[pixel, c] = value if value < high else high
    restore(mode)


@numba.njit(cache=True, nogil=True, inline="always")
def _greater(a, b):
    return a if a > b else b


@numba.njit(cache=True, nogil=True)
def greatest(x, taps, low, high, y):
    """Write y [P, C] = min(max(chunk, low), high), then min(max(y, chunk), high) for each chunk more."""
    t = np.empty((CHUNK, y.shape[1]), np.float32)
    for pixel in range(y.shape[0]):
        for chunk in range(taps.shape[1]):
            _fetch(x, taps[pixel, chunk], t)
            for c in range(y.shape[1]):
                inner = _greater(_greater(t[2, c], t[3, c]), _greater(t[4, c], t[5, c]))
                outer = _greater(_greater(_greater(t[0, c], t[1, c]), t[8, c]), _greater(t[6, c], t[7, c]))
                best = _greater(inner, outer)
                best = _greater(y[pixel, c], best) if chunk else _greater(best, low)
                y[pixel, c] = best if best < high else high
