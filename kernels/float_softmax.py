"""SOFTMAX in float32, row by row: exponentials, their sum in the order of the rule, and quotients. x, y [rows, depth]."""

from __future__ import annotations

import numpy as np

from . import libm
from .denormals import flush, restore
from .float_eigen import exp, packet_sum
from .float_functions import exp_of_difference
from .jit import numba

IN_FLIGHT = 4


@numba.njit(cache=True, nogil=True, error_model="numpy")
def sequential(x, beta, y):
    """Write y = e / sum(e), e = exp(beta * (x - max(x))) by the C library, summed in ascending order; NaN is no greatest."""
    for row in range(x.shape[0]):
        greatest, total = np.finfo(np.float32).min, np.float32(0)
        for k in range(x.shape[1]):
            greatest = x[row, k] if x[row, k] > greatest else greatest
        for k in range(x.shape[1]):
            e = libm.expf((x[row, k] - greatest) * beta)
            y[row, k] = e
            total += e
        for k in range(x.shape[1]):
            y[row, k] /= total


@numba.njit(cache=True, nogil=True, error_model="numpy")
def in_lanes(x, lanes, y):
    """Write y = e * (1 / sum(e)) as XNNPACK: four registers of `lanes` numbers at a time to two sums, then single ones."""
    mode = flush(True)
    depth, total = x.shape[1], np.empty((2, lanes), np.float32)
    whole = depth // (IN_FLIGHT * lanes) * IN_FLIGHT
    for row in range(x.shape[0]):
        greatest = x[row, 0]
        for k in range(1, depth):
            if greatest == greatest and not x[row, k] <= greatest:
                greatest = x[row, k]
        for k in range(depth):
            y[row, k] = exp_of_difference(x[row, k] - greatest)
        total[:] = 0
        for register in range(whole):
            for lane in range(lanes):
                total[register % 2, lane] += y[row, register * lanes + lane]
        for lane in range(lanes):
            total[0, lane] += total[1, lane]
        for k in range(whole * lanes, depth):
            total[0, k % lanes] += y[row, k]
        half = lanes
        while half > 1:
            half //= 2
            for lane in range(half):
                total[0, lane] += total[0, half + lane]
        inverse = np.float32(1) / total[0, 0]
        for k in range(depth):
            y[row, k] *= inverse
    restore(mode)


@numba.njit(cache=True, nogil=True, error_model="numpy")
def in_packets(x, beta, y):
    """Write y = e * (1 / sum(e)) as Eigen: its exp, but the C library's for the last size % 4 elements of all."""
    depth, whole = x.shape[1], x.size // 4 * 4
    for row in range(x.shape[0]):
        greatest = x[row, 0]
        for k in range(1, depth):
            if x[row, k] > greatest or greatest != greatest:
                greatest = x[row, k]
        inside = min(max(whole - row * depth, 0), depth)
        for k in range(inside):
            y[row, k] = exp((x[row, k] - greatest) * beta)
        for k in range(inside, depth):
            y[row, k] = libm.expf((x[row, k] - greatest) * beta)
        inverse = np.float32(1) / packet_sum(y[row], -row * depth % 4)
        for k in range(depth):
            y[row, k] *= inverse
