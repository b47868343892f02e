"""The matmul core that FULLY_CONNECTED, CONV_2D, LSTM and BATCH_MATMUL share."""

from __future__ import annotations

import numba
import numpy as np


@numba.njit(cache=True, nogil=True)
def accumulate(x, w, start, acc):
    """acc [M, N] = start [N] + x [M, K] int16 . w [N, K]T int16, in the type of acc: int32 (wraps as in C) or int64.

    Offsets are folded into `start` beforehand, so that the inner loop is a plain dot product, which vectorizes.
    """
    for m in range(x.shape[0]):
        for n in range(w.shape[0]):
            dot = acc.dtype.type(0)
            for k in range(w.shape[1]):
                dot += acc.dtype.type(x[m, k]) * acc.dtype.type(w[n, k])
            acc[m, n] = start[n] + dot


@numba.njit(cache=True, nogil=True)
def sequential_float32(x, w, b, low, high, y):
    """y [M, N] = clamp(x [M, K] . w [K, N] + b [N]) in float32; every sum starts at 0 and runs in ascending k."""
    for m in range(x.shape[0]):
        for n in range(w.shape[1]):
            y[m, n] = np.float32(0)
        for k in range(w.shape[0]):
            for n in range(w.shape[1]):
                y[m, n] += x[m, k] * w[k, n]
        for n in range(w.shape[1]):
            y[m, n] = min(max(y[m, n] + b[n], low), high)
