"""The matmul core that FULLY_CONNECTED, CONV_2D, LSTM and BATCH_MATMUL share.

The core works on int16: activations with their zero point taken off, so that padding is 0, and weights with theirs. Whoever binds
an operator packs the weights once with `pack`; how they then lie is between `pack` and `accumulate`.
"""

from __future__ import annotations

import numpy as np

from .jit import numba


def pack(w):
    """Weights [N, K] of 16 bits or less as the core wants them: a writable int16 array [N, K] of its own."""
    return np.array(w, np.int16, order="C")


@numba.njit(cache=True, nogil=True)
def dot(x, w, start):
    """Return start + x [K] int16 . w [K] int16 in int32, wrapping as in C: a loop that LLVM turns into vector instructions."""
    total = start
    for k in range(x.size):
        total = np.int32(total + np.int32(np.int32(x[k]) * np.int32(w[k])))
    return total


@numba.njit(cache=True, nogil=True)
def accumulate(x, w, start, acc):
    """Write acc [M, N] = start [N] + x [M, K] int16 . w [N, K]T int16 in int32, wrapping as in C; start and acc int32."""
    for m in range(x.shape[0]):
        for n in range(w.shape[0]):
            acc[m, n] = dot(x[m], w[n], start[n])


@numba.njit(cache=True, nogil=True)
def accumulate_64(x, w, start, block, acc):
    """The same in int64; start and acc int64.

    block  how many products of this x and w surely have a sum within int32: those are summed in 32 bits, which vectorizes
    """
    for m in range(x.shape[0]):
        for n in range(w.shape[0]):
            total = start[n]
            if block < 16:
                for k in range(w.shape[1]):
                    total += np.int64(x[m, k]) * np.int64(w[n, k])
            else:
                for first in range(0, w.shape[1], block):
                    last = min(first + block, w.shape[1])
                    total += np.int64(dot(x[m, first:last], w[n, first:last], np.int32(0)))
            acc[m, n] = total


@numba.njit(cache=True, nogil=True)
def add_sums(sums, start, acc):
    """Write acc [M, N] int64 = start [N] + the sum over p of sums [P, M, N] int32."""
    for m in range(acc.shape[0]):
        for n in range(acc.shape[1]):
            acc[m, n] = start[n] + sums[0, m, n]
        for p in range(1, sums.shape[0]):
            for n in range(acc.shape[1]):
                acc[m, n] += sums[p, m, n]


@numba.njit(cache=True, nogil=True)
def sequential_float32(x, w, b, low, high, y):
    """Write y [M, N] = clamp(x [M, K] . w [K, N] + b [N]) in float32; every sum starts at 0 and runs in ascending k."""
    for m in range(x.shape[0]):
        for n in range(w.shape[1]):
            y[m, n] = np.float32(0)
        for k in range(w.shape[0]):
            for n in range(w.shape[1]):
                y[m, n] += x[m, k] * w[k, n]
        finish_float32(y[m], b, low, high)


@numba.njit(cache=True, nogil=True)
def finish_float32(y, b, low, high):
    """Write y [N] = clamp(y + b [N]) in place; NaN stays NaN."""
    for n in range(y.shape[0]):
        value = y[n] + b[n]
        value = low if value < low else value
        y[n] = high if value > high else value
