"""A device for tests: int8 operators in plain Python integers, which share no code with qref, each with faults to choose from."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import numpy as np


def clamp(value, low=-128, high=127):
    return max(low, min(high, value))


def wrap(value, bits):
    return (value + 2 ** (bits - 1)) % 2**bits - 2 ** (bits - 1)


def multiplier_of(scale):
    """31 bits and a power of two, as every fixed-point kernel has them."""
    fraction, exponent = math.frexp(scale)
    multiplier = int(Fraction(fraction) * 2**31 + Fraction(1, 2))
    return (multiplier // 2, exponent + 1) if multiplier == 2**31 else (multiplier, exponent)


def _high(acc, scale, shift_error):
    multiplier, exponent = multiplier_of(scale)
    exponent += shift_error
    left, right = max(exponent, 0), max(-exponent, 0)
    return (acc * 2**left * multiplier + 2**30) >> 31, right


def double(acc, scale, shift_error=0):
    high, right = _high(acc, scale, shift_error)
    return (abs(high) + (2**right >> 1) >> right) * (1 if high >= 0 else -1)


def half_up(acc, scale):
    high, right = _high(acc, scale, 0)
    return high + (2**right >> 1) >> right


def single(acc, scale):
    multiplier, exponent = multiplier_of(scale)
    return acc * multiplier + 2 ** (30 - exponent) >> 31 - exponent


def with_8_bits(acc, scale):
    return acc * round(scale * 256) + 128 >> 8


def floor(acc, scale):
    multiplier, exponent = multiplier_of(scale)
    return acc * multiplier >> 31 - exponent


def float32_even(acc, scale):
    return round(float(np.float32(acc) * np.float32(scale)))


def float32_trunc(acc, scale):
    return int(float(np.float32(acc) * np.float32(scale)))


def float64_away(acc, scale):
    product = acc * scale
    return math.floor(abs(product) + 0.5) * (1 if product >= 0 else -1)


def conv(x, w, b, scales, x_zero, y_zero, **fault):
    """CONV_2D, SAME, stride 1, x [1, H, W, C], w [O, KH, KW, C] -> [1, H, W, O]; scales s_x * s_w / s_y for each channel."""
    rounding, pad_value = fault.get("rounding", double), fault.get("pad_value", x_zero)
    _, height, width, depth = x.shape
    channels, rows, columns, _ = w.shape
    x_offset = 0 if fault.get("no_x_zero") else x_zero
    before = [(rows - 1) // 2, (columns - 1) // 2] if not fault.get("pad_after") else [rows // 2, columns // 2]
    y = np.zeros((1, height, width, channels), np.int8)
    for i, j, o in itertools.product(range(height), range(width), range(channels)):
        acc = 0
        for ky, kx, c in itertools.product(range(rows), range(columns), range(depth)):
            at_y, at_x = i + ky - before[0], j + kx - before[1]
            inside = 0 <= at_y < height and 0 <= at_x < width
            if inside or "pad_value" in fault:
                q = int(x[0, at_y, at_x, c]) if inside else pad_value
                acc += (q - x_offset) * int(w[o, ky, kx, c])
            if "acc_bits" in fault:
                acc = wrap(acc, fault["acc_bits"])
        bias = fault.get("bias", lambda bias, o: bias)(int(b[o]), o)
        if fault.get("bias_apart"):
            value = rounding(acc, scales[o]) + rounding(bias, scales[o]) + y_zero
        elif fault.get("bias_after"):
            value = rounding(acc, scales[o]) + bias + y_zero
        else:
            acc = wrap(acc + bias, fault.get("acc_bits", 32))
            acc = clamp(acc, *fault.get("acc_limits", (-(2**31), 2**31 - 1)))
            value = rounding(acc, scales[o]) + (0 if fault.get("no_y_zero") else y_zero)
        low = -128 if fault.get("no_clamp") else fault.get("low", -128)
        y[0, i, j, o] = wrap(value, 8) if fault.get("wraps") else clamp(value, low)
    return y
