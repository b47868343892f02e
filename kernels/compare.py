"""Which of two numbers is the greater: MAXIMUM and MINIMUM, EQUAL and its kin."""

from __future__ import annotations

from .add import scale
from .jit import numba


@numba.njit(cache=True, nogil=True)
def maximum(x1, x2, y):
    """Write y [N] = x1 > x2 ? x1 : x2, so that a NaN in x2 stays."""
    for i in range(y.size):
        y[i] = x1[i] if x1[i] > x2[i] else x2[i]


@numba.njit(cache=True, nogil=True)
def minimum(x1, x2, y):
    """Write y [N] = x1 < x2 ? x1 : x2, so that a NaN in x2 stays."""
    for i in range(y.size):
        y[i] = x1[i] if x1[i] < x2[i] else x2[i]


@numba.njit(cache=True, nogil=True)
def compare(x1, x2, less, equal, greater, y):
    """Write y [N] = less, equal or greater, whichever x1 is than x2; integers."""
    for i in range(y.size):
        y[i] = less if x1[i] < x2[i] else greater if x1[i] > x2[i] else equal


@numba.njit(cache=True, nogil=True)
def compare_scaled(x1, x2, scaling1, scaling2, less, equal, greater, y):
    """The same of scale_1(x1) and scale_2(x2)."""
    for i in range(y.size):
        a, b = scale(x1[i], scaling1), scale(x2[i], scaling2)
        y[i] = less if a < b else greater if a > b else equal
