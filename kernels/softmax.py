"""SOFTMAX and LOG_SOFTMAX on integers, row by row. All write y [rows, depth]."""

from __future__ import annotations

import math

import numpy as np

from .fixed_point import (
    multiply_by_quantized_multiplier,
    rounding_divide_by_pot,
    saturating_rounding_doubling_high_mul,
    wrap_int32,
)
from .gemmlowp import count_leading_zeros, log_on_values_above_one, one_over_one_plus_x
from .jit import numba


@numba.njit(cache=True, nogil=True)
def _greatest(row):
    """The greatest of integers [depth], as int64."""
    greatest = np.int64(row[0])
    for k in range(1, row.shape[0]):
        greatest = max(greatest, np.int64(row[k]))
    return greatest


@numba.njit(cache=True, nogil=True)
def softmax_8bit(x, exponentials, bits, low, y):
    """Take x [rows, depth] int16, exponentials [256] int64 of max(x) - x, Q0; y has `bits` bits, from `low` on."""
    terms = np.empty(256, np.int64)
    for k in range(256):
        terms[k] = rounding_divide_by_pot(exponentials[k], 12)
    high = low + (1 << bits) - 1
    for row in range(x.shape[0]):
        greatest = _greatest(x[row])
        total = np.int64(0)
        for k in range(x.shape[1]):
            total += terms[greatest - x[row, k]]
        total &= 0xFFFFFFFF
        zeros = count_leading_zeros(total)
        reciprocal = one_over_one_plus_x(wrap_int32((total << zeros) - np.int64(1 << 31)))
        exponent = 12 - zeros + 31 - bits
        if exponent < 0 or exponent > 31:
            y[row, :] = low
            continue
        for k in range(x.shape[1]):
            product = saturating_rounding_doubling_high_mul(reciprocal, exponentials[greatest - x[row, k]])
            y[row, k] = min(max(rounding_divide_by_pot(product, exponent) + low, low), high)


@numba.njit(cache=True, nogil=True)
def _interpolate(table, x):
    """The value of a table of 513 int64 entries at an int16 x, wrapping to 16 bits."""
    entry = 256 + (x >> 7)
    slope = np.int64(np.int16(table[entry + 1] - table[entry]))
    return np.int64(np.int16(table[entry] + ((slope * (x & 127) + 64) >> 7)))


@numba.njit(cache=True, nogil=True)
def softmax_16bit(x, multiplier, shift, exp_table, reciprocal_table, y):
    """Take x [rows, depth] int16, tables [513] int64 of exp(x) on [-10, 0] and 1 / (1 + x) on [0, 1]."""
    values = np.empty(x.shape[1], np.int64)
    for row in range(x.shape[0]):
        greatest = _greatest(x[row])
        total = np.int64(0)
        for k in range(x.shape[1]):
            place = multiply_by_quantized_multiplier(np.int64(x[row, k]) - greatest, multiplier, shift) + 32767
            values[k] = _interpolate(exp_table, min(max(place, -32768), 32767))
            total += values[k]
        total = wrap_int32(total)
        zeros = count_leading_zeros(total & 0xFFFFFFFF)
        normalized = (wrap_int32(total << np.int64(zeros - 1)) + (1 << 13)) >> 14
        reciprocal = _interpolate(reciprocal_table, min(max(normalized - (1 << 15) - (1 << 16), -32768), 32767))
        right = np.int64(31 - zeros)
        for k in range(x.shape[1]):
            y[row, k] = min(max((values[k] * reciprocal + (np.int64(1) << (right - 1))) >> right, 0), 32767)


@numba.njit(cache=True, nogil=True)
def softmax_by_table(x, table, scale, half_up, offset, low, high, y):
    """Take x [rows, depth] int16, exponentials [256] float32 of max(x) - x; all float32, the sum in ascending order.

    half_up  the result is trunc(p + 1/2) in float32; else it is p rounded, ties away from zero
    """
    half = np.float32(0.5)
    for row in range(x.shape[0]):
        greatest = _greatest(x[row])
        total = np.float32(0)
        for k in range(x.shape[1]):
            total += table[greatest - x[row, k]]
        inverse = np.float32(1) / (total * scale)
        for k in range(x.shape[1]):
            p = table[greatest - x[row, k]] * inverse
            if half_up:
                steps = np.int64(p + half)
            else:
                steps = np.int64(p)
                if p - np.float32(steps) >= half:
                    steps += 1
            y[row, k] = min(max(steps + offset, low), high)


@numba.njit(cache=True, nogil=True)
def log_softmax_8bit(x, exponentials, rescaled, diff_min, reverse_multiplier, reverse_shift, low, high, y):
    """Take x [rows, depth], tables [256] int64 of max(x) - x: exponentials, Q0, and distances from the greatest, Q5.

    The differences that the reverse multiplier, or diff_min, tells to be too great give `low`.
    """
    for row in range(x.shape[0]):
        greatest = _greatest(x[row])
        total = np.int64(0)
        for k in range(x.shape[1]):
            total += rounding_divide_by_pot(exponentials[greatest - x[row, k]], 12)
        log = log_on_values_above_one(wrap_int32(total) & 0xFFFFFFFF)
        least = multiply_by_quantized_multiplier(wrap_int32(log - np.int64(1 << 31)), reverse_multiplier, reverse_shift)
        least = max(np.int64(diff_min - 1), least)
        for k in range(x.shape[1]):
            distance = greatest - x[row, k]
            steps = rounding_divide_by_pot(wrap_int32(rescaled[distance] - log), 22) + high
            y[row, k] = min(max(steps, low), high) if -distance > least else low


@numba.njit(cache=True, nogil=True)
def log_softmax_by_table(x, table, input_scale, output_scale, offset, low, high, y):
    """Take x [rows, depth], exponentials [256] float32 of max(x) - x; all float32, the sum in ascending order, ties to even."""
    ratio = input_scale / output_scale
    for row in range(x.shape[0]):
        greatest = _greatest(x[row])
        total = np.float32(0)
        for k in range(x.shape[1]):
            total += table[greatest - x[row, k]]
        shift = (input_scale * np.float32(greatest) + math.log(total)) / output_scale
        for k in range(x.shape[1]):
            steps = np.rint(ratio * np.float32(x[row, k]) - shift)
            whole = np.int64(steps) if abs(steps) < np.float32(2147483648.0) else np.int64(-2147483648)
            y[row, k] = min(max(whole + offset, low), high)
