"""Functions of one variable by table: every value of an 8-bit input, every 128th of a 16-bit one.

(1)  8 bits    table[q] = clamp(round(f(input_scale * (q - input_zero_point)) / output_scale) + output_zero_point)
(2)  16 bits   table[256 + (q >> 7)] + slope * (q & 127) / 128, slope to the next of 513 entries

A function f takes and returns arrays of floats; those below are the ones of LiteRT's operators, in float32, by libm.

Source: TFLite, lut.h, common.h, activations.cc and reference/integer_ops/{logistic,tanh}.h.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable

import numpy as np
from numpy.typing import DTypeLike

from .fixed_point import INT16_MAX, INT16_MIN, cast_int32, round_half_away, wrap_int16, wrap_int32
from .libm import erfcf, exp, expf, expm1f, logf, tanhf

Function = Callable[[np.ndarray], np.ndarray]


def logistic(x: np.ndarray) -> np.ndarray:
    """LOGISTIC: 1 / (1 + exp(-x))."""
    one = np.float32(1)
    return one / (one + expf(-x))


def logistic_in_float64(x: np.ndarray) -> np.ndarray:
    """LOGISTIC as XNNPACK's tables have it: e / (1 + e) in float64, e = exp(x); 0 and 1 beyond 100."""
    e = exp(np.clip(x.astype(np.float64), -101, 101))
    y = (e / (1 + e)).astype(np.float32)
    return np.where(x > 100, np.float32(1), np.where(x < -100, np.float32(0), y))


def elu(x: np.ndarray) -> np.ndarray:
    """ELU: x, and exp(x) - 1 below zero."""
    return np.where(x < 0, expm1f(x), x)


def gelu(x: np.ndarray) -> np.ndarray:
    """GELU: x times the normal distribution's probability below x."""
    return np.float32(0.5) * x * erfcf(x * np.float32(-math.sqrt(0.5)))


def gelu_approximate(x: np.ndarray) -> np.ndarray:
    """GELU with `approximate`: the probability by a tanh."""
    inner = x + np.float32(0.044715) * x * x * x
    return np.float32(0.5) * x * (np.float32(1) + tanhf(np.float32(math.sqrt(2 / math.pi)) * inner))


def log_or(lowest: np.float32) -> Function:
    """LOG: the logarithm, and lowest where there is none; LiteRT takes the least value the output can hold."""
    return lambda x: np.where(x > 0, logf(x), lowest)


def rsqrt_or(highest: np.float32) -> Function:
    """RSQRT of 16 bits: 1 / sqrt(x), and highest where there is none; LiteRT takes the greatest value the output can hold."""

    def rsqrt(x: np.ndarray) -> np.ndarray:
        positive = x > 0
        return np.where(positive, np.float32(1) / np.sqrt(np.where(positive, x, np.float32(1))), highest)

    return rsqrt


def lookup_table_8bit(
    function: Function,
    input_scale: float,
    input_zero_point: int,
    output_scale: float,
    output_zero_point: int,
    dtype: DTypeLike,
) -> np.ndarray:
    """Return the 256 results of equation (1), indexed by the input's byte: that of -1 is entry 255.

    Scales are in real units per LSB, zero points in LSB; dtype is int8 or uint8, of input and output. All in float32.

    >>> lookup_table_8bit(logistic, 1 / 16, 0, 1 / 256, -128, "int8")[[0, 1, 255]]
    array([ 0,  4, -4], dtype=int8)
    """
    q = np.arange(256, dtype=np.uint8).view(dtype)
    limits = np.iinfo(q.dtype)
    x = np.float32(input_scale) * (q.astype(np.int64) - input_zero_point).astype(np.float32)
    with np.errstate(all="ignore"):
        steps = round_half_away(function(x) * (np.float32(1) / np.float32(output_scale)))
        entries = steps + np.float32(output_zero_point)
        if limits.min == 0:  # uint8 is cast before it is clamped: what does not fit in 32 bits becomes 0, infinity too
            entries = cast_int32(entries).astype(np.float32)
        entries = np.clip(entries, limits.min, limits.max)
    return cast_int32(entries).astype(dtype)


def lookup_table_8bit_half_even(
    function: Function,
    input_scale: float,
    input_zero_point: int,
    output_scale: float,
    output_zero_point: int,
    dtype: DTypeLike,
) -> np.ndarray:
    """Return the 256 results as XNNPACK rounds them: the zero point is added in float32, then ties go to even.

    Parameters as for `lookup_table_8bit`.

    >>> lookup_table_8bit_half_even(logistic, 1 / 16, 0, 1 / 256, -128, "int8")[[0, 1, 255]]
    array([ 0,  4, -4], dtype=int8)
    """
    q = np.arange(256, dtype=np.uint8).view(dtype)
    limits = np.iinfo(q.dtype)
    x = np.float32(input_scale) * (q.astype(np.int64) - input_zero_point).astype(np.float32)
    with np.errstate(all="ignore"):
        entries = function(x) * (np.float32(1) / np.float32(output_scale)) + np.float32(output_zero_point)
        return np.rint(np.clip(entries, limits.min, limits.max)).astype(dtype)


def look_up_8bit(table: np.ndarray, q: np.ndarray) -> np.ndarray:
    """The entries of a table of `lookup_table_8bit` for int8 or uint8 q."""
    return table[q.view(np.uint8)]


def lookup_table_16bit(
    function: Function,
    input_scale: float,
    input_zero_point: int,
    output_scale: float,
    output_zero_point: int,
    real: type[np.floating] = np.float32,
) -> np.ndarray:
    """Return the 513 int16 entries of equation (2), at inputs -32768, -32640, ... and 32767.

    Each entry but the last is shifted by half of the error that interpolation makes in the middle of its interval.
    Scales are in real units per LSB, zero points in LSB; real is the type of the arithmetic, function's included.
    """
    input_min = real(input_scale) * real(INT16_MIN - input_zero_point)
    input_max = real(input_scale) * real(INT16_MAX - input_zero_point)
    output_min = real(output_scale) * real(INT16_MIN - output_zero_point)
    output_max = real(output_scale) * real(INT16_MAX - output_zero_point)
    step = (input_max - input_min) / real(512)
    rescale = real(65536) / (output_max - output_min)
    index = np.arange(513).astype(real)
    with np.errstate(all="ignore"):
        at_start = function(input_min + index * step) * rescale
        at_middle = round_half_away(function(input_min + index[:-1] * step + step / real(2)) * rescale)
        at_end = function(np.array([input_max])) * rescale
        start = round_half_away(at_start[:-1])
        interpolated = round_half_away((at_start[1:] + start) / real(2))
        bias = round_half_away((interpolated - at_middle) / real(2))
        entries = np.clip(np.append(start - bias, round_half_away(at_end)), INT16_MIN, INT16_MAX)
    return cast_int32(entries).astype(np.int16)  # NaN, an infinity interpolated with another, gives 0 as in C


def look_up_16bit(table: np.ndarray, q: np.ndarray) -> np.ndarray:
    """Equation (2) for q within int16, wrapping to 16 bits like the compiled function; int64.

    >>> table = lookup_table_16bit(np.exp, 10 / 65535, 32767, 2 / 65535, 0, np.float64)
    >>> look_up_16bit(table, np.int16([-32768, 0, 32767]))
    array([    2,   221, 32762])
    """
    entries = table.astype(np.int64)
    slopes = wrap_int16(np.diff(entries))
    q = np.asarray(q, np.int64)
    index = 256 + (q >> 7)
    return wrap_int16(entries[index] + ((slopes[index] * (q & 127) + 64) >> 7))


@functools.cache
def sigmoid_table() -> np.ndarray:
    """The 256 entries s(i) = 2^16 / (1 + exp(-i / 24)) behind LOGISTIC and TANH of 16 bits, int64.

    As in `lookup_table_16bit` an entry is shifted by half of the error in the middle of its interval:
    round(s(i) + (s(i + 1/2) - (s(i) + s(i + 1)) / 2) / 2). The last one is 2^16 - 1, where the function saturates.
    """
    start, middle, end = (65536 / (1 + exp(-(np.arange(256) + at) / 24)) for at in (0, 0.5, 1))
    table = round_half_away(start + (middle - (start + end) / 2) / 2).astype(np.int64)
    table[-1] = 65535
    return table


def sigmoid_scaling(input_scale: float, greatest_left_shift: int) -> tuple[int, int]:
    """Return (input_multiplier, input_left_shift) of `logistic_16bit` (greatest_left_shift 0) and `tanh_16bit` (1).

    Both work on x * 3 * 4096 * input_scale, in steps of which 2^9 or 2^8 make an interval of the table:
    input_multiplier / 2^input_left_shift. A multiplier of 0 stands for an input_scale of 2^(input_left_shift - 12).
    """
    exponent = math.log2(np.float32(input_scale))
    left_shift = 12 + round(exponent)
    if abs(exponent - round(exponent)) < 1e-3 and 0 <= left_shift <= greatest_left_shift:
        return 0, left_shift
    multiplier, left_shift = float(np.float32(input_scale)) * 3 * 4096, 0
    while multiplier <= INT16_MAX / 2 and left_shift <= 30:
        multiplier, left_shift = 2 * multiplier, left_shift + 1
    return int(multiplier), left_shift


def _interpolate_sigmoid(x: np.ndarray, input_multiplier: int, input_left_shift: int, interval_bits: int, limit: int):
    """Return (x < 0, sigmoid of |x|, scaled by 2^(16 + interval_bits)); limit is the value beyond the table."""
    if input_multiplier == 0:
        input_multiplier, input_left_shift = 3 << input_left_shift, 0
    half = 1 << input_left_shift >> 1
    position = wrap_int32(np.asarray(x, np.int64) * input_multiplier + half) >> input_left_shift
    magnitude = np.abs(position)
    interval = magnitude >> interval_bits
    index = np.minimum(interval, 254)
    slope = np.diff(sigmoid_table())
    y = (sigmoid_table()[index] << interval_bits) + (magnitude & (1 << interval_bits) - 1) * slope[index]
    return position < 0, np.where(interval < 255, y, limit)


def logistic_16bit(x: np.ndarray, input_multiplier: int, input_left_shift: int) -> np.ndarray:
    """LOGISTIC of int16 x by `sigmoid_table`, int64, scale 2^-15; constants from `sigmoid_scaling`.

    >>> logistic_16bit(np.int16([-4096, 0, 4096]), *sigmoid_scaling(2**-12, 0))
    array([ 8812, 16384, 23956])
    """
    negative, y = _interpolate_sigmoid(x, input_multiplier, input_left_shift, 9, 0x7FFF << 10)
    return np.where(negative, (1 << 25) - y + 511, y + 512) >> 10


def tanh_16bit(x: np.ndarray, input_multiplier: int, input_left_shift: int) -> np.ndarray:
    """TANH of int16 x as 2 sigmoid(2 x) - 1 by `sigmoid_table`, int64, scale 2^-15; constants from `sigmoid_scaling`."""
    negative, y = _interpolate_sigmoid(x, input_multiplier, input_left_shift, 8, 0xFFFF << 8)
    centered = y - (1 << 23)
    return np.where(negative, -centered + 127, centered + 128) >> 8
