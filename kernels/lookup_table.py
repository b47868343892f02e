"""Functions of one small integer: every result from a table of all of them."""

from __future__ import annotations

from .jit import numba


@numba.njit(cache=True, nogil=True)
def look_up(table, x, y):
    """Write y [n] = table[x [n]]; x uint8 with a table of 256, or uint16 with one of 65536 entries."""
    for i in range(x.size):
        y[i] = table[x[i]]


@numba.njit(cache=True, nogil=True)
def copy(x, y):
    """Write y [n] = x [n]."""
    for i in range(x.size):
        y[i] = x[i]
