"""Float32 matmuls in the order of Eigen's blocked product: panels of K, one after the other."""

from __future__ import annotations

import numpy as np

from .jit import numba


@numba.njit(cache=True, nogil=True)
def matmul(x, w, panel, y):
    """Write y [M, N] = x [M, K] . w [K, N]: the sums of panels of `panel` terms, added in order from 0.

    Sums of a panel run in ascending k, except in the rows that fill blocks of four: there the last N % 8 columns but N % 4 have
    two sums, of even and odd k, and the last N % 4 columns four.
    """
    depth, columns = w.shape
    blocked, eights, fours = x.shape[0] // 4 * 4, columns // 8 * 8, columns // 4 * 4
    total = np.empty(columns, np.float32)
    for m in range(x.shape[0]):
        plain = eights if m < blocked else columns
        for n in range(columns):
            y[m, n] = np.float32(0)
        for first in range(0, depth, panel):
            last = min(first + panel, depth)
            for n in range(columns):
                total[n] = np.float32(0)
            for k in range(first, last):
                value = x[m, k]
                for n in range(plain):
                    total[n] += value * w[k, n]
            for n in range(plain, columns):
                total[n] = interleaved(x[m], w, first, last, n, 2 if n < fours else 4)
            for n in range(columns):
                y[m, n] += total[n]


@numba.njit(cache=True, nogil=True)
def interleaved(x, w, first, last, n, count):
    """Return the sum over k of x[k] * w[k, n] in `count` sums (2 or 4), which take every count-th k of whole blocks of 8 or 4."""
    a, b, c, d = np.float32(0), np.float32(0), np.float32(0), np.float32(0)
    block = 8 if count == 2 else 4
    stop = first + (last - first) // block * block
    for k in range(first, stop, count):
        a += x[k] * w[k, n]
        b += x[k + 1] * w[k + 1, n]
        if count == 4:
            c += x[k + 2] * w[k + 2, n]
            d += x[k + 3] * w[k + 3, n]
    total = a + b if count == 2 else (a + b) + (c + d)
    for k in range(stop, last):
        total += x[k] * w[k, n]
    return total
