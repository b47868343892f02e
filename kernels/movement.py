"""Elements moved as they are, in runs at equal distances."""

from __future__ import annotations

import numpy as np

from .jit import numba


@numba.njit(cache=True, nogil=True)
def move(x, sources, steps, targets, counts, y):
    """Write y [targets[k] + i] = x [sources[k] + i * steps[k]] for i < counts[k]; x and y flat and of one type.

    All numbers are uint64, which need no look at whether an index is negative; a step below zero is one modulo 2^64.
    """
    for k in range(counts.size):
        source, step, target = sources[k], steps[k], targets[k]
        if step == np.uint64(1):
            for i in range(counts[k]):
                y[target + i] = x[source + i]
        else:
            for i in range(counts[k]):
                y[target + i] = x[source + i * step]


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
