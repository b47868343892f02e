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
