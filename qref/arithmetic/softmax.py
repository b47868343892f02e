"""SOFTMAX and LOG_SOFTMAX in integers, along the last axis.

With d = x - max(x), in LSB, and e = exp(beta * input_scale * d):

(1)  softmax      e / sum(e)
(2)  log_softmax  beta * input_scale * d - log(sum(e))

8 bits in: fixed point, with d rescaled to Q5 words of 32 bits by a multiplier and a left shift; a d below diff_min, where Q5
ends, counts as minus infinity. 16 bits in: two tables.

Source: TFLite, reference/softmax.h, reference/integer_ops/log_softmax.h and quantization_util.cc.
"""

from __future__ import annotations

import functools
import math

import numpy as np
from numpy.typing import DTypeLike

from .fixed_point import (
    INT16_MAX,
    count_leading_zeros,
    multiply_by_quantized_multiplier,
    quantize_multiplier,
    rounding_divide_by_pot,
    saturate_int16,
    saturating_rounding_doubling_high_mul,
    wrap_int32,
)
from .gemmlowp import exp_on_negative_values, get_reciprocal, log_on_values_above_one
from .libm import exp
from .lookup_table import look_up_16bit, lookup_table_16bit
from .requantize import DoubleRounding, FixedPointRule

_INTEGER_BITS = 5  # of d, rescaled
_SUM_INTEGER_BITS = 12


def greatest_multiplier(rule: type[FixedPointRule]) -> float:
    """What a scaling to Q5 is at most: what the rule can shift to the left."""
    return 2.0**31 - 1 if rule is DoubleRounding else 2.0**30 - 1


def softmax_scaling(beta: float, input_scale: float, rule: type[FixedPointRule] = DoubleRounding) -> tuple[int, int, int]:
    """Return (multiplier, left_shift, diff_min) for 8-bit inputs.

    multiplier * 2^(left_shift - 31) = min(beta * input_scale * 2^26, the rule's greatest multiplier);
    diff_min = -floor(31 * 2^(26 - left_shift)), LSB.
    beta and input_scale are float32. Raises ValueError where beta * input_scale * 2^26 < 1/2, whose shift would be to the right.
    """
    real = min(float(np.float32(beta)) * float(np.float32(input_scale)) * 2.0 ** (31 - _INTEGER_BITS), greatest_multiplier(rule))
    multiplier, left_shift = (int(constant) for constant in quantize_multiplier(real))
    if multiplier <= 0 or left_shift < 0:
        raise ValueError(f"softmax needs beta * input_scale * 2^26 of at least 1, found {real}")
    return multiplier, left_shift, -math.floor((2**_INTEGER_BITS - 1) * 2.0 ** (31 - _INTEGER_BITS - left_shift))


def log_softmax_scaling(input_scale: float, rule: type[FixedPointRule] = DoubleRounding) -> tuple[int, int, int, int, int]:
    """Return (multiplier, left_shift, diff_min, reverse_multiplier, reverse_shift); the reverse one takes Q5 back to LSB of d."""
    multiplier, left_shift, diff_min = softmax_scaling(1.0, input_scale, rule)
    reverse_multiplier, reverse_shift = quantize_multiplier(2.0 ** (31 - left_shift) / multiplier)
    return multiplier, left_shift, diff_min, int(reverse_multiplier), int(reverse_shift)


def exponentials_8bit(multiplier: int, left_shift: int, diff_min: int) -> np.ndarray:
    """The Q0 exponential of each d an 8-bit input can have, [256], d = 0, -1, ...; 0 below diff_min."""
    d = -np.arange(256)
    counts = d >= diff_min
    rescaled = multiply_by_quantized_multiplier(np.where(counts, d, 0), multiplier, left_shift)
    return np.where(counts, exp_on_negative_values(rescaled, _INTEGER_BITS), 0)


def _distance_from_greatest(x: np.ndarray) -> np.ndarray:
    x = x.astype(np.int64)
    return x.max(axis=-1, keepdims=True) - x


def _sum(exponentials: np.ndarray, distance: np.ndarray) -> np.ndarray:
    """The Q12 sum of each row's exponentials [..., 1]; it wraps where more than 4095 of them are 1."""
    return wrap_int32(rounding_divide_by_pot(exponentials, _SUM_INTEGER_BITS)[distance].sum(axis=-1, keepdims=True))


def softmax_8bit(x: np.ndarray, multiplier: int, left_shift: int, diff_min: int, dtype: DTypeLike) -> np.ndarray:
    """SOFTMAX of int8 or uint8 x [..., depth] in fixed point; constants from `softmax_scaling`.

    dtype int8 or uint8 has scale 1/256, int16 has 1/65536; the zero point is dtype's least value. Where a sum reaches 512 LiteRT
    stops with a failed assertion if dtype has 8 bits; here such a row holds dtype's least value, 0.

    >>> softmax_8bit(np.int8([[0, 10, 20]]), *softmax_scaling(1.0, 0.1), "int8")
    array([[-105,  -65,   42]], dtype=int8)
    """
    distance, limits = _distance_from_greatest(x), np.iinfo(dtype)
    exponentials = exponentials_8bit(multiplier, left_shift, diff_min)
    reciprocal, bits_over_unit = get_reciprocal(_sum(exponentials, distance), _SUM_INTEGER_BITS)
    product = saturating_rounding_doubling_high_mul(reciprocal, exponentials[distance])
    exponent = bits_over_unit + 31 - limits.bits
    y = np.where((exponent >= 0) & (exponent <= 31), rounding_divide_by_pot(product, exponent), 0)
    return np.clip(y + limits.min, limits.min, limits.max).astype(dtype)


def log_softmax_8bit(
    x: np.ndarray,
    multiplier: int,
    left_shift: int,
    diff_min: int,
    reverse_multiplier: int,
    reverse_shift: int,
    rule: type[FixedPointRule] = DoubleRounding,
) -> np.ndarray:
    """LOG_SOFTMAX of int8 or uint8 x [..., depth] in fixed point; constants from `log_softmax_scaling`.

    The result has x's type, scale 16/256 and that type's greatest value as zero point. The greatest d that gives its least value
    is found from the sum, by the reverse multiplier.
    """
    distance, limits = _distance_from_greatest(x), np.iinfo(x.dtype)
    total = _sum(exponentials_8bit(multiplier, left_shift, diff_min), distance)
    log_of_sum = log_on_values_above_one(total)
    least = rule(np.array([reverse_multiplier]), np.array([reverse_shift]))(wrap_int32(log_of_sum - 2**31))
    rescaled = rule(np.array([multiplier]), np.array([left_shift]))(-distance)
    y = rounding_divide_by_pot(wrap_int32(rescaled - log_of_sum), 31 - _INTEGER_BITS - 4) + limits.max
    counts = -distance > np.maximum(diff_min - 1, least)
    return np.where(counts, np.clip(y, limits.min, limits.max), limits.min).astype(x.dtype)


@functools.cache
def exp_table() -> np.ndarray:
    """Return exp(x), x from -10 to 0: int16 [513], scale 2^-15."""
    return lookup_table_16bit(exp, 10 / 65535, 32767, 2 / 65535, 0, np.float64)


@functools.cache
def one_over_one_plus_x_table(real: type[np.floating] = np.float64) -> np.ndarray:
    """Return 1 / (1 + x), x from 0 to 1: int16 [513], scale 2^-15; real is the type of the arithmetic."""
    return lookup_table_16bit(lambda x: real(1) / (real(1) + x), 1 / 65535, -32768, 2 / 65535, 0, real)


def softmax_scaling_16bit(beta: float, input_scale: float) -> tuple[int, int]:
    """Return (multiplier, shift) for 16-bit inputs, from d to the steps of `exp_table`: beta * input_scale / (10 / 65535)."""
    real = float(np.float32(input_scale) * np.float32(beta)) / (10.0 / 65535.0)
    multiplier, shift = quantize_multiplier(real)
    return int(multiplier), int(shift)


def softmax_16bit(
    x: np.ndarray, multiplier: int, shift: int, rule: type[FixedPointRule] = DoubleRounding, real: type[np.floating] = np.float64
) -> np.ndarray:
    """SOFTMAX of int16 x [..., depth] by tables, int16 with scale 1/32768 and zero point 0.

    Constants from `softmax_scaling_16bit`; rule rounds the inputs, real is the type of `one_over_one_plus_x_table`.

    >>> softmax_16bit(np.int16([[0, 1000, 2000]]), *softmax_scaling_16bit(1.0, 0.001))
    array([[ 2950,  8019, 21799]], dtype=int16)
    """
    position = rule(np.array([multiplier]), np.array([shift]))(-_distance_from_greatest(x)) + 32767
    exponentials = look_up_16bit(exp_table(), saturate_int16(position))
    total = wrap_int32(exponentials.sum(axis=-1, keepdims=True))
    headroom = count_leading_zeros(total)
    normalized = (wrap_int32(total << headroom - 1) + 2**13) >> 14
    reciprocals = one_over_one_plus_x_table(real)  # type: ignore[arg-type]  # mypy takes no class for hashable
    reciprocal = look_up_16bit(reciprocals, saturate_int16(normalized - 2**15 - 2**16))
    right = 31 - headroom
    return np.clip((exponentials * reciprocal + (1 << right - 1)) >> right, 0, INT16_MAX).astype(np.int16)
