"""RESIZE_BILINEAR: x [N, H, W, C]; along each axis the pixels before and after a position and its distance from the first."""

from __future__ import annotations

import numpy as np

from .jit import numba


@numba.njit(cache=True, nogil=True)
def integer(x, top, bottom, down, left, right, across, y):
    """Write y int16 from x int16: weights in steps of 2^-10, the sum of four products rounded once, ties away from zero."""
    one = np.int64(1 << 10)
    for n in range(y.shape[0]):
        for i in range(y.shape[1]):
            for j in range(y.shape[2]):
                a = (one - down[i]) * (one - across[j])
                b = down[i] * (one - across[j])
                c = (one - down[i]) * across[j]
                d = down[i] * across[j]
                for k in range(y.shape[3]):
                    total = a * x[n, top[i], left[j], k] + b * x[n, bottom[i], left[j], k]
                    total += c * x[n, top[i], right[j], k] + d * x[n, bottom[i], right[j], k]
                    rounded = (abs(total) + np.int64(1 << 19)) >> np.int64(20)
                    y[n, i, j, k] = rounded if total >= 0 else -rounded


@numba.njit(cache=True, nogil=True)
def float32(x, top, bottom, down, left, right, across, y):
    """Write y float32 from x float32: the products summed as (((top left + bottom left) + top right) + bottom right)."""
    one = np.float32(1)
    for n in range(y.shape[0]):
        for i in range(y.shape[1]):
            for j in range(y.shape[2]):
                for k in range(y.shape[3]):
                    total = x[n, top[i], left[j], k] * (one - down[i]) * (one - across[j])
                    total += x[n, bottom[i], left[j], k] * down[i] * (one - across[j])
                    total += x[n, top[i], right[j], k] * (one - down[i]) * across[j]
                    total += x[n, bottom[i], right[j], k] * down[i] * across[j]
                    y[n, i, j, k] = total + np.float32(0)  # -0 + 0 is 0


@numba.njit(cache=True, nogil=True)
def integer_by_rows(x, top, bottom, down, left, right, across, y):
    """Write y int16 from x int16: weights in steps of 2^-11, first along rows, the sum rounded once, ties upwards."""
    one = np.int64(1 << 11)
    for n in range(y.shape[0]):
        for i in range(y.shape[1]):
            for j in range(y.shape[2]):
                for k in range(y.shape[3]):
                    a, b = np.int64(x[n, top[i], left[j], k]), np.int64(x[n, bottom[i], left[j], k])
                    upper = a * one + (x[n, top[i], right[j], k] - a) * across[j]
                    lower = b * one + (x[n, bottom[i], right[j], k] - b) * across[j]
                    y[n, i, j, k] = (upper * one + (lower - upper) * down[i] + np.int64(1 << 21)) >> np.int64(22)
