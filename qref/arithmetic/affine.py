"""real = scale * (quantized - zero_point): between float32 and integers, as LiteRT's reference kernels do it.

scale is float32 and zero_point in LSB, each one value for the tensor or one for every index of the axis quantized_dimension.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from .fixed_point import cast_int32, round_half_away, wrap_int32


def _along(constants: ArrayLike, rank: int, quantized_dimension: int, dtype: DTypeLike) -> np.ndarray:
    """Constants reshaped so that they broadcast along one axis of a tensor of that rank."""
    constants = np.asarray(constants, dtype)
    if constants.size == 1:
        return constants.reshape(())
    return constants.reshape([-1 if axis == quantized_dimension else 1 for axis in range(rank)])


def quantize(x: ArrayLike, scale: ArrayLike, zero_point: ArrayLike, dtype: DTypeLike, quantized_dimension: int = 0) -> np.ndarray:
    """Return the integers of dtype next to the float32 tensor x.

    q = clamp(round(float32(x / scale)) + zero_point), ties away from zero, within dtype

    What does not fit in 32 bits, infinities and NaN become -2^31, as on x86, and the sum with zero_point wraps: they all end at
    the lower limit of dtype, or at the upper one if zero_point is negative.

    >>> quantize(np.float32([0.25, -1, 1e30]), 0.1, 3, "int8")
    array([   6,   -7, -128], dtype=int8)
    """
    x = np.asarray(x, np.float32)
    with np.errstate(all="ignore"):
        steps = cast_int32(round_half_away(x / _along(scale, x.ndim, quantized_dimension, np.float32)))
    q = wrap_int32(steps + _along(zero_point, x.ndim, quantized_dimension, np.int64))
    limits = np.iinfo(dtype)
    return np.clip(q, limits.min, limits.max).astype(dtype)


def dequantize(q: ArrayLike, scale: ArrayLike, zero_point: ArrayLike, quantized_dimension: int = 0) -> np.ndarray:
    """Return the float32 tensor that the integers q stand for.

    x = float32(float64(scale) * (q - zero_point))

    >>> dequantize(np.int8([6, -7]), 0.1, 3)
    array([ 0.3, -1. ], dtype=float32)
    """
    q = np.asarray(q, np.int64)
    scale = _along(np.asarray(scale, np.float32), q.ndim, quantized_dimension, np.float64)
    zero_point = _along(zero_point, q.ndim, quantized_dimension, np.int64)
    with np.errstate(over="ignore", under="ignore"):
        return (scale * (q - zero_point)).astype(np.float32)
