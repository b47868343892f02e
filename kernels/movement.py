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
