"""The rules by which runtimes bring an accumulator to the output's scale: rounding as a value.

acc, an exact integer in units of input_scale * filter_scale, becomes acc * effective_scale in units of output_scale. Every rule
below approximates that product and rounds it, each in its own way. A rule holds its constants, one per channel or one for all,
broadcasts along the last axis, and returns int64 before zero point and clamp.

    rule              runtime                                              product                 ties
    DoubleRounding    LiteRT reference, TFLM, CMSIS-NN                     31 bits, rounded twice  up, then away from zero
    HalfUp            LiteRT optimized (ruy)                               31 bits, rounded twice  up, then up
    HalfUpBlocks      LiteRT optimized, vectors of channels                HalfUp, and DoubleRounding for the channels left over
    HalfUpFlatBlocks  LiteRT optimized, vectors of elements                HalfUp, and DoubleRounding for the elements left over
    SingleRounding    builds with TFLITE_SINGLE_ROUNDING, ruy without SIMD 31 bits                 up
    SingleRounding64  int16 activations with int64 bias, everywhere        15 bits                 up
    Float64HalfAway   LiteRT reference FULLY_CONNECTED                     float64                 away from zero
    Float32HalfEven   XNNPACK                                              float32                 to even
    SingleRounding8   XNNPACK, QUANTIZE and LEAKY_RELU on 8 bits           8 bits                  up
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Protocol, Self

import numpy as np

from . import fixed_point as fp

Steps = list[tuple[str, int | float]]


class Requantize(Protocol):
    """One rounding rule with its constants."""

    name: ClassVar[str]

    @classmethod
    def of(cls, effective_scale: np.ndarray) -> Self:
        """The rule for effective_scale, float64, one value per channel or one for all."""
        ...

    def __call__(self, acc: np.ndarray) -> np.ndarray:
        """round(acc * effective_scale), int64 [..., channels], before zero point and clamp."""
        ...

    def explain(self, acc: int, channel: int) -> Steps:
        """The same for one accumulator of one channel in plain Python numbers, every step named; the last is the result."""
        ...


@dataclass(frozen=True, slots=True)
class _FixedPoint:
    """A multiplier of 31 bits and a power of two: effective_scale = quantized_multiplier * 2^(shift - 31)."""

    quantized_multiplier: np.ndarray  # int64 [channels] or [1]
    shift: np.ndarray  # int64, > 0 is left

    @classmethod
    def of(cls, effective_scale: np.ndarray) -> Self:
        return cls(*fp.quantize_multiplier(np.atleast_1d(effective_scale)))

    def _constants(self, channel: int) -> tuple[int, int]:
        return _of_channel(self.quantized_multiplier, channel), _of_channel(self.shift, channel)

    def _explain_two_roundings(self, acc: int, channel: int, ties: str, divide: Callable[[int, int], int]) -> Steps:
        multiplier, shift = self._constants(channel)
        left, right = max(shift, 0), max(-shift, 0)
        shifted = _wrap(acc * 2 ** (left % 32), 32)
        high = min(_nearest_ties_up(shifted * multiplier, 2**31), 2**31 - 1)
        return [
            ("quantized_multiplier", multiplier),
            ("shift", shift),
            (f"acc * 2^{left}, 32 bits", shifted),
            ("high half, ties up", high),
            (f"divided by 2^{right}, ties {ties}", divide(high, 2**right)),
        ]


@dataclass(frozen=True, slots=True)
class DoubleRounding(_FixedPoint):
    """gemmlowp: the high half of a product, ties up; then a shift to the right, ties away from zero."""

    name: ClassVar[str] = "double_rounding"

    def __call__(self, acc: np.ndarray) -> np.ndarray:
        """divide(high(acc 2^max(s, 0), M), max(-s, 0)), ties away from zero in the second step."""
        return fp.multiply_by_quantized_multiplier(acc, self.quantized_multiplier, self.shift)

    def explain(self, acc: int, channel: int) -> Steps:
        """Return the steps of one accumulator."""
        return self._explain_two_roundings(acc, channel, "away from zero", _nearest_ties_away)


@dataclass(frozen=True, slots=True)
class HalfUp(_FixedPoint):
    """ruy: the high half of a product, ties up; then a shift to the right, ties up again."""

    name: ClassVar[str] = "half_up"

    def __call__(self, acc: np.ndarray) -> np.ndarray:
        """floor(high(acc 2^max(s, 0), M) / 2^max(-s, 0) + 1/2)."""
        return fp.multiply_by_quantized_multiplier_half_up(acc, self.quantized_multiplier, self.shift)

    def explain(self, acc: int, channel: int) -> Steps:
        """Return the steps of one accumulator."""
        return self._explain_two_roundings(acc, channel, "up", _nearest_ties_up)


@dataclass(frozen=True, slots=True)
class HalfUpBlocks:
    """LiteRT's vector code over channels: whole blocks of channels as HalfUp, the channels left over as DoubleRounding."""

    half_up: HalfUp
    double_rounding: DoubleRounding
    channels_in_blocks: int  # the channels before this one are in whole blocks
    name: ClassVar[str] = "half_up_blocks"

    @classmethod
    def of(cls, effective_scale: np.ndarray, block: int = 8) -> Self:
        """Return the rule for effective_scale, one value for each channel, in blocks of `block` channels."""
        half_up = HalfUp.of(effective_scale)
        constants = half_up.quantized_multiplier, half_up.shift
        return cls(half_up, DoubleRounding(*constants), len(np.atleast_1d(effective_scale)) // block * block)

    def __call__(self, acc: np.ndarray) -> np.ndarray:
        """half_up(acc) in the channels that are in blocks, double_rounding(acc) in the others."""
        in_blocks = np.arange(acc.shape[-1]) < self.channels_in_blocks
        return np.where(in_blocks, self.half_up(acc), self.double_rounding(acc))

    def explain(self, acc: int, channel: int) -> Steps:
        """Return the steps of one accumulator."""
        rule = self.half_up if channel < self.channels_in_blocks else self.double_rounding
        return rule.explain(acc, channel)


@dataclass(frozen=True, slots=True)
class HalfUpFlatBlocks:
    """LiteRT's vector code over elements in the order of memory, whatever their channels: those left over as DoubleRounding."""

    half_up: HalfUp
    double_rounding: DoubleRounding
    block: int = 16
    name: ClassVar[str] = "half_up_flat_blocks"

    @classmethod
    def of(cls, effective_scale: np.ndarray) -> Self:
        """Return the rule for effective_scale, one value for all elements."""
        half_up = HalfUp.of(effective_scale)
        return cls(half_up, DoubleRounding(half_up.quantized_multiplier, half_up.shift))

    def elements_in_blocks(self, size: int) -> int:
        """How many of `size` elements are in whole blocks."""
        return size // self.block * self.block

    def __call__(self, acc: np.ndarray) -> np.ndarray:
        """half_up(acc) in whole blocks, double_rounding(acc) in the last elements; acc is the whole output."""
        in_blocks = np.arange(acc.size).reshape(acc.shape) < self.elements_in_blocks(acc.size)
        return np.where(in_blocks, self.half_up(acc), self.double_rounding(acc))

    def explain(self, acc: int, channel: int) -> Steps:
        """Return the steps of one accumulator that is in a block."""
        return self.half_up.explain(acc, channel)


@dataclass(frozen=True, slots=True)
class SingleRounding(_FixedPoint):
    """TFLITE_SINGLE_ROUNDING: the whole product in 64 bits, rounded once, ties up; shifts above 30 saturate to 2^30."""

    name: ClassVar[str] = "single_rounding"

    @classmethod
    def of(cls, effective_scale: np.ndarray) -> Self:
        """Return the rule for effective_scale."""
        multiplier, shift = fp.quantize_multiplier(np.atleast_1d(effective_scale))
        return cls(np.where(shift > 30, fp.INT32_MAX, multiplier), np.minimum(shift, 30))

    def __call__(self, acc: np.ndarray) -> np.ndarray:
        """floor(acc M / 2^(31 - s) + 1/2)."""
        return fp.multiply_by_quantized_multiplier_single(acc, self.quantized_multiplier, self.shift)

    def explain(self, acc: int, channel: int) -> Steps:
        """Return the steps of one accumulator."""
        multiplier, shift = self._constants(channel)
        return [
            ("quantized_multiplier", multiplier),
            ("shift", shift),
            ("acc * quantized_multiplier", acc * multiplier),
            (f"divided by 2^{31 - shift}, ties up", _wrap(_nearest_ties_up(acc * multiplier, 2 ** (31 - shift)), 32)),
        ]


@dataclass(frozen=True, slots=True)
class SingleRounding64(_FixedPoint):
    """int64 accumulators: the multiplier itself is rounded to 15 bits, the product of 63 bits once more, ties up."""

    name: ClassVar[str] = "single_rounding_64"

    def __call__(self, acc: np.ndarray) -> np.ndarray:
        """floor(acc R / 2^(15 - s) + 1/2), with R = round(M / 2^16)."""
        return fp.multiply_by_quantized_multiplier_64(acc, self.quantized_multiplier, self.shift)

    def explain(self, acc: int, channel: int) -> Steps:
        """Return the steps of one accumulator."""
        multiplier, shift = self._constants(channel)
        reduced = min(_nearest_ties_up(multiplier, 2**16), 2**15 - 1)
        right, half = (15 - shift) % 64, 2 ** ((14 - shift) % 64)
        return [
            ("quantized_multiplier", multiplier),
            ("shift", shift),
            ("multiplier of 15 bits", reduced),
            ("acc * multiplier", acc * reduced),
            (f"divided by 2^{right}, ties up", _wrap(_wrap(acc * reduced + half, 64) // 2**right, 32)),
        ]


@dataclass(frozen=True, slots=True)
class Float64HalfAway:
    """LiteRT's reference FULLY_CONNECTED since 2025: a float64 product, ties away from zero; no fixed point."""

    effective_scale: np.ndarray  # float64 [channels] or [1]
    name: ClassVar[str] = "float64_half_away"

    @classmethod
    def of(cls, effective_scale: np.ndarray) -> Self:
        """Return the rule for effective_scale."""
        return cls(np.atleast_1d(np.asarray(effective_scale, np.float64)))

    def __call__(self, acc: np.ndarray) -> np.ndarray:
        """round(float64(acc) * effective_scale)."""
        return fp.cast_int32(fp.round_half_away(np.asarray(acc, np.float64) * self.effective_scale))

    def explain(self, acc: int, channel: int) -> Steps:
        """Return the steps of one accumulator."""
        scale = _of_channel(self.effective_scale, channel)
        product = float(acc) * scale
        nearest = math.trunc(product)
        if abs(product - nearest) >= 0.5:
            nearest += 1 if product > 0 else -1
        return [
            ("effective_scale", scale),
            ("acc * effective_scale", product),
            ("rounded, ties away from zero", nearest if -(2**31) <= nearest < 2**31 else -(2**31)),
        ]


@dataclass(frozen=True, slots=True)
class Float32HalfEven:
    """XNNPACK on x86: acc and scale as float32, one float32 product, ties to even.

    effective_scale is the float32 value float32(float32(input_scale * filter_scale) / output_scale), widened.
    XNNPACK clamps from above before it rounds, and from below after. Both limits are integers, and rounding keeps the order, so
    the clamp after rounding, which every rule leaves to its caller, gives the same. Products beyond 2^30 either way, which every
    output clamps, are returned as 2^30, so that the zero point can be added in 32 bits.
    """

    effective_scale: np.ndarray  # float32 [channels] or [1]
    name: ClassVar[str] = "float32_half_even"

    @classmethod
    def of(cls, effective_scale: np.ndarray) -> Self:
        """Return the rule for effective_scale."""
        return cls(np.atleast_1d(np.asarray(effective_scale, np.float32)))

    def __call__(self, acc: np.ndarray) -> np.ndarray:
        """rint(float32(float32(acc) * effective_scale)), within 2^30 either way."""
        product = np.asarray(acc).astype(np.float32) * self.effective_scale
        return np.rint(np.clip(product, np.float32(-(2**30)), np.float32(2**30))).astype(np.int64)

    def explain(self, acc: int, channel: int) -> Steps:
        """Return the steps of one accumulator."""
        scale = float(_of_channel(self.effective_scale, channel))
        product = _float32(_float32(acc) * scale)
        return [
            ("effective_scale", scale),
            ("acc in float32", _float32(acc)),
            ("acc * effective_scale in float32", product),
            ("rounded, ties to even", round(min(max(product, -(2.0**30)), 2.0**30))),
        ]


@dataclass(frozen=True, slots=True)
class SingleRounding8:
    """XNNPACK from 8 bits to 8 bits: a multiplier with 8 bits behind the point, the product rounded once, ties up."""

    quantized_multiplier: np.ndarray  # int64 [channels] or [1], effective_scale * 2^8 to nearest, ties to even
    name: ClassVar[str] = "single_rounding_8"

    @classmethod
    def of(cls, effective_scale: np.ndarray) -> Self:
        """Return the rule for effective_scale."""
        return cls(np.rint(np.atleast_1d(np.asarray(effective_scale, np.float32)) * np.float32(256)).astype(np.int64))

    def __call__(self, acc: np.ndarray) -> np.ndarray:
        """floor(acc M / 2^8 + 1/2)."""
        return (np.asarray(acc, np.int64) * self.quantized_multiplier + 128) >> 8

    def explain(self, acc: int, channel: int) -> Steps:
        """Return the steps of one accumulator."""
        multiplier = _of_channel(self.quantized_multiplier, channel)
        return [
            ("quantized_multiplier", multiplier),
            ("acc * quantized_multiplier", acc * multiplier),
            ("divided by 2^8, ties up", _nearest_ties_up(acc * multiplier, 2**8)),
        ]


def _of_channel(constants: np.ndarray, channel: int):
    return constants[channel if len(constants) > 1 else 0].item()


def _wrap(x: int, bits: int) -> int:
    return (x + 2 ** (bits - 1)) % 2**bits - 2 ** (bits - 1)


def _nearest_ties_up(numerator: int, denominator: int) -> int:
    return (2 * numerator + denominator) // (2 * denominator)


def _nearest_ties_away(numerator: int, denominator: int) -> int:
    nearest = _nearest_ties_up(abs(numerator), denominator)
    return nearest if numerator >= 0 else -nearest


def _float32(x: float) -> float:
    return struct.unpack("f", struct.pack("f", x))[0]
