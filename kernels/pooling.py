"""AVERAGE_POOL_2D and MAX_POOL_2D: windows over x [N, H, W, C], the channels of one output pixel at a time.

An axis is (stride, padding before the image, filter size); the taps outside the image are left out.
"""

from __future__ import annotations

import numpy as np

from .jit import numba


@numba.njit(cache=True, nogil=True)
def average_integer(x, rows, columns, low, high, y):
    """Write y int32 = clamp(sum of the taps / their number), ties away from zero; x int32."""
    acc = np.empty(x.shape[3], np.int64)
    for n in range(y.shape[0]):
        for i in range(y.shape[1]):
            top = i * rows[0] - rows[1]
            for j in range(y.shape[2]):
                left = j * columns[0] - columns[1]
                acc[:] = 0
                count = np.int64(0)
                for row in range(max(top, 0), min(top + rows[2], x.shape[1])):
                    for column in range(max(left, 0), min(left + columns[2], x.shape[2])):
                        count += 1
                        for c in range(x.shape[3]):
                            acc[c] += x[n, row, column, c]
                for c in range(x.shape[3]):
                    mean = (abs(acc[c]) + (count >> 1)) // count
                    y[n, i, j, c] = min(max(mean if acc[c] >= 0 else -mean, low), high)


@numba.njit(cache=True, nogil=True)
def average_float32(x, rows, columns, low, high, y):
    """Write y float32 = clamp(sum of the taps / their number), the sum from 0 in the order of rows."""
    acc = np.empty(x.shape[3], np.float32)
    for n in range(y.shape[0]):
        for i in range(y.shape[1]):
            top = i * rows[0] - rows[1]
            for j in range(y.shape[2]):
                left = j * columns[0] - columns[1]
                acc[:] = 0
                count = 0
                for row in range(max(top, 0), min(top + rows[2], x.shape[1])):
                    for column in range(max(left, 0), min(left + columns[2], x.shape[2])):
                        count += 1
                        for c in range(x.shape[3]):
                            acc[c] += x[n, row, column, c]
                for c in range(x.shape[3]):
                    mean = acc[c] / np.float32(count)
                    y[n, i, j, c] = low if mean < low else high if mean > high else mean


@numba.njit(cache=True, nogil=True)
def greatest(x, rows, columns, lowest, low, high, y):
    """Write y = clamp(greatest tap), from `lowest` on; a NaN is never greater. x and y of one type, and so the limits."""
    for n in range(y.shape[0]):
        for i in range(y.shape[1]):
            top = i * rows[0] - rows[1]
            for j in range(y.shape[2]):
                left = j * columns[0] - columns[1]
                y[n, i, j, :] = lowest
                for row in range(max(top, 0), min(top + rows[2], x.shape[1])):
                    for column in range(max(left, 0), min(left + columns[2], x.shape[2])):
                        for c in range(x.shape[3]):
                            if y[n, i, j, c] < x[n, row, column, c]:
                                y[n, i, j, c] = x[n, row, column, c]
                for c in range(x.shape[3]):
                    y[n, i, j, c] = min(max(y[n, i, j, c], low), high)


@numba.njit(cache=True, nogil=True)
def greatest_integer(x, rows, columns, lowest, low, high, y):
    """Write y = clamp(greatest tap), from `lowest` on; integers."""
    for n in range(y.shape[0]):
        for i in range(y.shape[1]):
            top = i * rows[0] - rows[1]
            for j in range(y.shape[2]):
                left, best = j * columns[0] - columns[1], y[n, i, j]
                best[:] = lowest
                for row in range(max(top, 0), min(top + rows[2], x.shape[1])):
                    for column in range(max(left, 0), min(left + columns[2], x.shape[2])):
                        tap = x[n, row, column]
                        for c in range(best.size):
                            best[c] = max(best[c], tap[c])
                for c in range(best.size):
                    best[c] = min(max(best[c], low), high)
