"""Sums along one axis, for MEAN and SUM; the greatest and the least."""

from __future__ import annotations

import numpy as np

from .denormals import flush, restore
from .fixed_point import wrap_int32
from .float_eigen import packet_sum
from .jit import numba
from .quantize import round_to_int32


@numba.njit(cache=True, nogil=True)
def sum_axis(x, acc):
    """Sum x [A, N, C], contiguous, over its middle axis into acc [A, C] int32, wrapping as in C."""
    for a in range(x.shape[0]):
        if x.shape[2] == 1:
            total = np.int32(0)
            for n in range(x.shape[1]):
                total += np.int32(x[a, n, 0])
            acc[a, 0] = total
            continue
        for c in range(x.shape[2]):
            acc[a, c] = np.int32(0)
        for n in range(x.shape[1]):
            for c in range(x.shape[2]):
                acc[a, c] += np.int32(x[a, n, c])


@numba.njit(cache=True, nogil=True)
def add_constant(acc, constant):
    """Add a constant to acc [A, C] int32 in place, wrapping as in C."""
    for a in range(acc.shape[0]):
        for c in range(acc.shape[1]):
            acc[a, c] += np.int32(constant)


@numba.njit(cache=True, nogil=True)
def scale_float32(acc, scale, bias, qmin, qmax, y):
    """Write y [A, C] = clamp(rint(acc * scale + bias)), ties to even, each step in float32; acc int32."""
    low, high = np.float32(qmin), np.float32(qmax)
    for a in range(acc.shape[0]):
        for c in range(acc.shape[1]):
            y[a, c] = np.int32(min(max(np.rint(np.float32(acc[a, c]) * scale + bias), low), high))


@numba.njit(cache=True, nogil=True)
def scale_float32_away(acc, scale, bias, output_offset, qmin, qmax, y):
    """Write y [A, C] = clamp(round(acc * scale + bias) + output_offset), ties away from zero, each step in float32; acc int32.

    What does not fit in 32 bits becomes -2^31.
    """
    for a in range(acc.shape[0]):
        for c in range(acc.shape[1]):
            steps = round_to_int32(np.float32(acc[a, c]) * scale + bias)
            y[a, c] = min(max(wrap_int32(steps + output_offset), qmin), qmax)


@numba.njit(cache=True, nogil=True)
def greatest(x, y):
    """Write y [A, C] = the greatest of x [A, N, C], N > 0, along its middle axis."""
    for a in range(x.shape[0]):
        for c in range(x.shape[2]):
            y[a, c] = x[a, 0, c]
        for n in range(1, x.shape[1]):
            for c in range(x.shape[2]):
                y[a, c] = max(y[a, c], x[a, n, c])


@numba.njit(cache=True, nogil=True)
def least(x, y):
    """Write y [A, C] = the least of x [A, N, C], N > 0, along its middle axis."""
    for a in range(x.shape[0]):
        for c in range(x.shape[2]):
            y[a, c] = x[a, 0, c]
        for n in range(1, x.shape[1]):
            for c in range(x.shape[2]):
                y[a, c] = min(y[a, c], x[a, n, c])


@numba.njit(cache=True, nogil=True, error_model="numpy")
def average_float32(x, first_alone, flushed, factor, y):
    """Write y [A, C], the sums over the middle axis of x [A, N, C] float32, one by one in order, divided by the factor.

    first_alone  sums begin with their first term, else with 0, which loses the sign of -0
    flushed      denormals are zeros; sums are multiplied with the factor, and added to 0
    """
    mode = flush(flushed)
    for a in range(x.shape[0]):
        for c in range(x.shape[2]):
            y[a, c] = x[a, 0, c] if first_alone else x[a, 0, c] + np.float32(0)
        for n in range(1, x.shape[1]):
            for c in range(x.shape[2]):
                y[a, c] += x[a, n, c]
        for c in range(x.shape[2]):
            y[a, c] = np.float32(0) + y[a, c] * factor if flushed else y[a, c] / factor
    restore(mode)


@numba.njit(cache=True, nogil=True, error_model="numpy")
def average_packets(x, y):
    """Write y [A], the means of rows x [A, N] float32 in Eigen's order; the first row begins at a boundary of 16 bytes."""
    for a in range(x.shape[0]):
        y[a] = packet_sum(x[a], -a * x.shape[1] % 4) / np.float32(x.shape[1])
