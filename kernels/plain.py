"""Operators on plain integers, element by element; what does not fit wraps. Arrays are flat and of one size."""

from __future__ import annotations

from .jit import numba


@numba.njit(cache=True, nogil=True)
def add(x1, x2, low, high, y):
    """Write y = clamp(x1 + x2)."""
    for i in range(y.size):
        y[i] = x1[i] + x2[i]
        y[i] = min(max(y[i], low), high)


@numba.njit(cache=True, nogil=True)
def subtract(x1, x2, low, high, y):
    """Write y = clamp(x1 - x2)."""
    for i in range(y.size):
        y[i] = x1[i] - x2[i]
        y[i] = min(max(y[i], low), high)


@numba.njit(cache=True, nogil=True)
def multiply(x1, x2, low, high, y):
    """Write y = clamp(x1 * x2)."""
    for i in range(y.size):
        y[i] = x1[i] * x2[i]
        y[i] = min(max(y[i], low), high)


@numba.njit(cache=True, nogil=True)
def bitwise_and(x1, x2, y):
    """Write y = x1 & x2."""
    for i in range(y.size):
        y[i] = x1[i] & x2[i]


@numba.njit(cache=True, nogil=True)
def bitwise_or(x1, x2, y):
    """Write y = x1 | x2."""
    for i in range(y.size):
        y[i] = x1[i] | x2[i]


@numba.njit(cache=True, nogil=True)
def bitwise_xor(x1, x2, y):
    """Write y = x1 ^ x2."""
    for i in range(y.size):
        y[i] = x1[i] ^ x2[i]


@numba.njit(cache=True, nogil=True)
def negative(x, y):
    """Write y = -x."""
    for i in range(y.size):
        y[i] = -x[i]


@numba.njit(cache=True, nogil=True)
def absolute(x, y):
    """Write y = |x|."""
    for i in range(y.size):
        y[i] = -x[i] if x[i] < 0 else x[i]


@numba.njit(cache=True, nogil=True)
def sign(x, y):
    """Write y = -1, 0 or 1."""
    for i in range(y.size):
        y[i] = 1 if x[i] > 0 else -1 if x[i] < 0 else 0


@numba.njit(cache=True, nogil=True)
def cast(x, y):
    """Write y = x in the type of y."""
    for i in range(y.size):
        y[i] = x[i]


@numba.njit(cache=True, nogil=True)
def nonzero(x, y):
    """Write y = x != 0, in 8 bits."""
    for i in range(y.size):
        y[i] = x[i] != 0


@numba.njit(cache=True, nogil=True)
def select(condition, x1, x2, y):
    """Write y = x1 where the condition, in 8 bits, is not 0, else x2."""
    for i in range(y.size):
        y[i] = x1[i] if condition[i] else x2[i]


@numba.njit(cache=True, nogil=True)
def sum_axis(x, y):
    """Write y [A, C] = the sum of x [A, N, C] over its middle axis, in the type of y."""
    for a in range(x.shape[0]):
        y[a, :] = 0
        for n in range(x.shape[1]):
            for c in range(x.shape[2]):
                y[a, c] += x[a, n, c]


@numba.njit(cache=True, nogil=True)
def first_greatest(x, y):
    """Write y [A, C] = the first place of the greatest of x [A, N, C] along its middle axis."""
    for a in range(x.shape[0]):
        for c in range(x.shape[2]):
            best = 0
            for n in range(1, x.shape[1]):
                best = n if x[a, n, c] > x[a, best, c] else best
            y[a, c] = best


@numba.njit(cache=True, nogil=True)
def first_least(x, y):
    """Write y [A, C] = the first place of the least of x [A, N, C] along its middle axis."""
    for a in range(x.shape[0]):
        for c in range(x.shape[2]):
            best = 0
            for n in range(1, x.shape[1]):
                best = n if x[a, n, c] < x[a, best, c] else best
            y[a, c] = best


@numba.njit(cache=True, nogil=True)
def gather(x, positions, y):
    """Write y [B, A, M, C] = x [B, A, positions [B, M], C]; raises IndexError for a position out of range."""
    for b in range(y.shape[0]):
        for m in range(y.shape[2]):
            position = positions[b, m]
            if position < 0 or position >= x.shape[2]:
                raise IndexError("a position is out of range")
            for a in range(y.shape[1]):
                for c in range(y.shape[3]):
                    y[b, a, m, c] = x[b, a, position, c]
