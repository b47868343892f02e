"""Elements moved as they are, in runs that stay together."""

from __future__ import annotations

import numba


@numba.njit(cache=True, nogil=True)
def move(x, sources, targets, counts, y):
    """Write y [targets[k] + i] = x [sources[k] + i] for i < counts[k]; x and y flat and of one type."""
    for k in range(counts.size):
        source, target = sources[k], targets[k]
        for i in range(counts[k]):
            y[target + i] = x[source + i]


@numba.njit(cache=True, nogil=True)
def take_row(rows, number, y):
    """Write y [n] = rows [number[0], n]."""
    for i in range(y.size):
        y[i] = rows[number[0], i]


@numba.njit(cache=True, nogil=True)
def put_row(x, number, rows):
    """Write rows [number[0], n] = x [n]."""
    for i in range(x.size):
        rows[number[0], i] = x[i]


@numba.njit(cache=True, nogil=True)
def next_row(number):
    """Add 1 to number[0]."""
    number[0] += 1
