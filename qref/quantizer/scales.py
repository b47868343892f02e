"""From ranges of real numbers to scale and zero point, and from constants to integers: the converter's rules, to the last bit.

Each rule names the float width of every step, since a scale that differs in its last bit changes bytes of the weights and of
every result. Rounding is half away from zero throughout.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qref.schema import Quantization, TensorType

SMALLEST_RANGE = 1e-6  # below it, a range is taken to be as wide as that
GREATEST_BIAS = 2**30 - 1  # half of int32 is left to the sum that a bias is added to


@dataclass(frozen=True, slots=True)
class Range:
    """The least and the greatest value that a tensor took."""

    min: float
    max: float

    def union(self, other: Range) -> Range:
        """The range of both."""
        return Range(min(self.min, other.min), max(self.max, other.max))

    @property
    def magnitude(self) -> float:
        """The greatest absolute value."""
        return max(abs(self.min), abs(self.max))


@dataclass(frozen=True, slots=True)
class Encoding:
    """How the real numbers of a tensor are stored: r = scale * (q - zero_point), the scale a float32."""

    type: TensorType
    scale: float
    zero_point: int = 0

    def quantization(self) -> Quantization:
        """As the file holds it."""
        return Quantization(np.array([self.scale], np.float32), np.array([self.zero_point], np.int64))

    def __str__(self) -> str:
        return f"{self.type.name} scale {self.scale:.9g} zero_point {self.zero_point}"


def asymmetric(found: Range) -> Encoding:
    """Int8 over a range widened to hold zero: scale = (max - min) / 255 and the zero point that lies nearest.

    min and max are doubles; their float32 difference is divided in float32; zero_point = round(-128 - min / scale). Halves are
    subtracted, which changes no bit, and where max - min itself would be infinite the scale still is not.
    """
    low, high = min(found.min, 0.0), max(found.max, 0.0)
    if abs(high - low) < SMALLEST_RANGE:
        low, high = low - SMALLEST_RANGE, high + SMALLEST_RANGE
    scale = (np.float32(high / 2) - np.float32(low / 2)) / np.float32(127.5)
    zero_point = half_away(np.float32(-128 - low / float(scale)))
    return Encoding(TensorType.INT8, float(scale), int(np.clip(zero_point, -128, 127)))


def symmetric_int16(found: Range) -> Encoding:
    """Int16 around zero: scale = max(|min|, |max|) / 32767, in float32."""
    magnitude = np.float32(max(abs(min(found.min, 0.0)), abs(max(found.max, 0.0))) or SMALLEST_RANGE)
    return Encoding(TensorType.INT16, float(magnitude / np.float32(32767)))


def power_of_two_int16(found: Range) -> Encoding:
    """Int16 with the least scale 2^n / 32768 whose 2^n reaches max(|min|, |max|): the cell state of an LSTM."""
    return Encoding(TensorType.INT16, 2.0 ** float(np.ceil(np.log2(max(found.magnitude, SMALLEST_RANGE)))) / 32768)


@dataclass(frozen=True, slots=True)
class Weights:
    """A constant as integers, with what the file says of them."""

    type: TensorType
    data: np.ndarray
    quantization: Quantization


def magnitudes(w: np.ndarray, axis: int | None) -> np.ndarray:
    """Max |w| for each slice along `axis`, or [1] over all; float32."""
    others = tuple(i for i in range(w.ndim) if i != axis)
    return np.abs(w).max(axis=others) if axis is not None else np.abs(w).max(initial=0).reshape(1)


def along(values: np.ndarray, w: np.ndarray, axis: int | None) -> np.ndarray:
    """One value for each slice of w along `axis`, in a shape that broadcasts against w."""
    if axis is None:
        return values.reshape(())
    return values.reshape([-1 if i == axis else 1 for i in range(w.ndim)])


def symmetric_weights(w: np.ndarray, axis: int | None, bits: int = 8) -> Weights:
    """Weights of an operator that computes with integers: narrow range, zero point 0, per axis or (axis None) per tensor.

    scale = m / qmax with m = max |w|, in float32, qmax = 127 (8 bits) or 7 (4 bits). Per axis
    q = round(w * float32(1 / scale)); per tensor q = round(w * (float32(qmax) / m)): products in float32.
    """
    qmax = 2 ** (bits - 1) - 1
    limit = widened(magnitudes(w, axis))
    scale = limit / np.float32(qmax)
    if axis is not None:
        inverse = (1.0 / scale.astype(np.float64)).astype(np.float32)
    else:
        greatest = magnitudes(w, None)
        inverse = np.where(greatest > 0, np.float32(qmax) / np.where(greatest > 0, greatest, 1), 0).astype(np.float32)
    q = np.clip(half_away(w * along(inverse, w, axis)), -qmax, qmax)
    return per_slice(q, scale, axis, bits)


def legacy_weights(w: np.ndarray, axis: int | None, bits: int = 8) -> Weights:
    """Weights that meet int16 activations: the same scales, but q = round(w * float32(qmax / m))."""
    qmax = 2 ** (bits - 1) - 1
    scale = symmetric_weights(w, axis, bits).quantization.scale
    q = np.clip(half_away(w * along(np.float32(qmax) / widened(magnitudes(w, axis)), w, axis)), -qmax, qmax)
    return per_slice(q, scale, axis, bits)


def dynamic_range_weights(w: np.ndarray, axis: int | None, bits: int = 8) -> Weights:
    """Weights of an operator that computes with float activations: the same scales, but q = round(w / scale) in float64."""
    qmax = 2 ** (bits - 1) - 1
    exact = widened(magnitudes(w, axis)).astype(np.float64) * 2 / (2 * qmax)
    scale = symmetric_weights(w, axis, bits).quantization.scale
    q = np.clip(half_away(w.astype(np.float64) / along(exact, w, axis)), -qmax, qmax)
    return per_slice(q, scale, axis, bits)


def widened(limit: np.ndarray) -> np.ndarray:
    """Magnitudes of weights, where all but nothing is 5e-7; float32."""
    doubled = limit.astype(np.float64) * 2
    return np.where(doubled > SMALLEST_RANGE, limit, np.float32(SMALLEST_RANGE / 2)).astype(np.float32)


def per_slice(q: np.ndarray, scale: np.ndarray, axis: int | None, bits: int) -> Weights:
    """Integers within the range of `bits` with their scales."""
    type_ = TensorType.INT8 if bits == 8 else TensorType.INT4
    return Weights(type_, q.astype(np.int8), Quantization(scale, np.zeros(len(scale), np.int64), axis or 0))


def roomy(b: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """The scales of a bias (float64 [n] or [1]), larger where |q| would exceed GREATEST_BIAS: then |b| / GREATEST_BIAS."""
    needed = np.abs(b).astype(np.float64).reshape(-1)
    needed = needed if len(scale) == len(needed) else needed.max(keepdims=True, initial=0)
    return np.where(needed / scale > GREATEST_BIAS, needed / GREATEST_BIAS, scale)


def rescaled(w: np.ndarray, weights: Weights, scale: np.ndarray) -> Weights:
    """Weights of the same type with larger scales (float64), as a large bias asks for: q = round(w * float32(1 / scale))."""
    axis = weights.quantization.quantized_dimension if len(scale) > 1 else None
    q = half_away(w * along((1.0 / scale).astype(np.float32), w, axis))
    return per_slice(q, scale.astype(np.float32), axis, 8 if weights.type == TensorType.INT8 else 4)


def bias(b: np.ndarray, scale: np.ndarray, type_: TensorType = TensorType.INT32) -> Weights:
    """A bias in units of `scale` (float64 or float32; [n] or [1]): q = round(b * float32(1 / scale)), product in float32."""
    inverse = np.minimum(1.0 / scale.astype(np.float64), np.finfo(np.float32).max).astype(np.float32)
    limit = float(2**31 - 1) if type_ == TensorType.INT32 else float(2**63 - 1024)
    with np.errstate(over="ignore"):
        q = np.clip(half_away((b * inverse).astype(np.float32)), -limit, limit)
    return Weights(type_, q.astype(type_.dtype), Quantization(scale.astype(np.float32), np.zeros(len(scale), np.int64)))


def constant(c: np.ndarray, encoding: Encoding) -> Weights:
    """A constant operand as an activation is stored: q = round(c / scale) + zero_point, in float64."""
    limits = np.iinfo(encoding.type.dtype)
    q = half_away(c.astype(np.float64) / encoding.scale) + encoding.zero_point
    return Weights(encoding.type, np.clip(q, limits.min, limits.max).astype(limits.dtype), encoding.quantization())


def half_away(x: np.ndarray | np.floating) -> np.ndarray:
    """The nearest integer, ties away from zero; as float64, where |x| + 0.5 reaches no integer that it should not."""
    wide = np.asarray(x, np.float64)
    return np.copysign(np.floor(np.abs(wide) + 0.5), wide)
