"""The limits between which a fused activation function clamps.

An activation that only clamps needs no arithmetic of its own: in quantized form it is a smaller range of integers.
fused_activation_function is the schema's name: NONE, RELU, RELU6, RELU_N1_TO_1; and RELU_0_TO_1, an operator of its own.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import DTypeLike

from .fixed_point import INT32_MAX, INT32_MIN, round_half_away

_REAL_LIMITS = {
    "NONE": (-math.inf, math.inf),
    "RELU": (0.0, math.inf),
    "RELU6": (0.0, 6.0),
    "RELU_N1_TO_1": (-1.0, 1.0),
    "RELU_0_TO_1": (0.0, 1.0),
}


def _real_limits(fused_activation_function: str) -> tuple[float, float]:
    if fused_activation_function not in _REAL_LIMITS:
        known = ", ".join(_REAL_LIMITS)
        raise ValueError(f"a fused activation function must be one of {known}, found {fused_activation_function}")
    return _REAL_LIMITS[fused_activation_function]


def activation_range(fused_activation_function: str, dtype: DTypeLike, scale: float, zero_point: int) -> tuple[int, int]:
    """The least and the greatest output, in LSB: TFLite's rule.

    q(f) = zero_point + round(float32(f) / float32(scale)), ties away from zero, within dtype

    dtype       int8, uint8, int16 or int32, the output's
    scale       real units per LSB
    zero_point  LSB
    Raises ValueError for another activation, or where q(f) does not fit in 32 bits.
    Source: TFLite, kernel_util.cc.

    >>> activation_range("RELU6", "int8", 0.05, -100)
    (-100, 20)
    """
    limits = np.iinfo(dtype)

    def quantize(real: float, unbounded: int) -> int:
        if math.isinf(real):
            return unbounded
        with np.errstate(over="ignore"):
            steps = float(round_half_away(np.float32(real) / np.float32(scale)))
        if not INT32_MIN <= steps <= INT32_MAX:
            raise ValueError(f"{fused_activation_function} clamps at {real}, which is no int32 at scale {scale}")
        return zero_point + int(steps)

    low, high = _real_limits(fused_activation_function)
    return max(limits.min, quantize(low, limits.min)), min(limits.max, quantize(high, limits.max))


def activation_range_xnnpack(fused_activation_function: str, dtype: DTypeLike, scale: float, zero_point: int) -> tuple[int, int]:
    """The least and the greatest output, in LSB: XNNPACK's rule, which adds the zero point before it rounds, to even.

    q(f) = rint(float32(float32(f) / float32(scale) + float32(zero_point))), within dtype

    Parameters as `activation_range`; dtype is int8 or uint8. They differ where f / scale is half an integer.

    >>> activation_range("RELU6", "int8", 4.0, 1), activation_range_xnnpack("RELU6", "int8", 4.0, 1)
    ((1, 3), (1, 2))
    """
    limits = np.iinfo(dtype)

    def quantize(real: float) -> int:
        position = np.float32(real) / np.float32(scale) + np.float32(zero_point)
        return int(np.rint(np.clip(position, limits.min, limits.max)))

    low, high = _real_limits(fused_activation_function)
    return quantize(low), quantize(high)


def activation_range_float32(fused_activation_function: str) -> tuple[np.float32, np.float32]:
    """The least and the greatest float32 output; without an activation the greatest finite numbers, so infinities are clamped.

    Source: TFLite, kernel_util.h.
    """
    low, high = _real_limits(fused_activation_function)
    greatest = float(np.finfo(np.float32).max)
    return np.float32(max(low, -greatest)), np.float32(min(high, greatest))
