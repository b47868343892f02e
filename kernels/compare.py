"""The greater or the lesser of two numbers, as they stand; a NaN that comes second stays."""

from __future__ import annotations

import numba


@numba.njit(cache=True, nogil=True)
def maximum(x1, x2, y):
    """Write y [n] = x1 > x2 ? x1 : x2."""
    for i in range(y.size):
        y[i] = x1[i] if x1[i] > x2[i] else x2[i]


@numba.njit(cache=True, nogil=True)
def minimum(x1, x2, y):
    """Write y [n] = x1 < x2 ? x1 : x2."""
    for i in range(y.size):
        y[i] = x1[i] if x1[i] < x2[i] else x2[i]
