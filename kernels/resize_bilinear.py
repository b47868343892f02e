"""RESIZE_BILINEAR: x [N, H, W, C]; along each axis the pixels before and after a position and its distance from the first."""

from __future__ import annotations

import numpy as np

from .jit import numba


@numba.njit(cache=True, nogil=True)
def integer(x, top, bottom, down, left, right, across, y):
    """Write y from x, int8 or int16: weights in steps of 2^-10, the sum of four products rounded once, ties away from zero."""
    one = np.int64(1 << 10)
    for n in range(y.shape[0]):
        for i in range(y.shape[1]):
            upper, lower = x[n, top[i]], x[n, bottom[i]]
            for j in range(y.shape[2]):
                a = (one - down[i]) * (one - across[j])
                b = down[i] * (one - across[j])
                c = (one - down[i]) * across[j]
                d = down[i] * across[j]
                x00, x10, x01, x11, result = upper[left[j]], lower[left[j]], upper[right[j]], lower[right[j]], y[n, i, j]
                for k in range(result.size):
                    total = a * x00[k] + b * x10[k] + c * x01[k] + d * x11[k]
                    rounded = (abs(total) + np.int64(1 << 19)) >> np.int64(20)
                    result[k] = rounded if total >= 0 else -rounded


@numba.njit(cache=True, nogil=True)
def integer_8bit(x, top, bottom, down, left, right, across, y):
    """The same for int8, whose sums fit in 32 bits."""
    one = np.int64(1 << 10)
    for n in range(y.shape[0]):
        for i in range(y.shape[1]):
            upper, lower = x[n, top[i]], x[n, bottom[i]]
            for j in range(y.shape[2]):
                a = np.int32((one - down[i]) * (one - across[j]))
                b = np.int32(down[i] * (one - across[j]))
                c = np.int32((one - down[i]) * across[j])
                d = np.int32(down[i] * across[j])
                x00, x10, x01, x11, result = upper[left[j]], lower[left[j]], upper[right[j]], lower[right[j]], y[n, i, j]
                for k in range(result.size):
                    total = np.int32(np.int32(a * np.int32(x00[k])) + np.int32(b * np.int32(x10[k])))
                    total = np.int32(total + np.int32(np.int32(c * np.int32(x01[k])) + np.int32(d * np.int32(x11[k]))))
                    sign = np.int32(total >> 31)  # ties away from zero: a half less for a number below
                    result[k] = np.int32(np.int32(total + np.int32(1 << 19)) + sign) >> 20


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
    """Write y from x, int8 or uint8: weights in steps of 2^-11, first along rows, the sum rounded once, ties upwards."""
    for n in range(y.shape[0]):
        for i in range(y.shape[1]):
            upper, lower, below = x[n, top[i]], x[n, bottom[i]], np.int32(down[i])
            for j in range(y.shape[2]):
                beside = np.int32(across[j])
                x00, x10, x01, x11, result = upper[left[j]], lower[left[j]], upper[right[j]], lower[right[j]], y[n, i, j]
                for k in range(result.size):
                    a, b = np.int32(x00[k]), np.int32(x10[k])
                    first = np.int32(np.int32(a << 11) + np.int32(np.int32(np.int32(x01[k]) - a) * beside))
                    last = np.int32(np.int32(b << 11) + np.int32(np.int32(np.int32(x11[k]) - b) * beside))
                    total = np.int32(np.int32(first << 11) + np.int32(np.int32(last - first) * below))
                    result[k] = np.int32(total + np.int32(1 << 21)) >> 22
