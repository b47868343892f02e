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
from dataclasses import dataclass
from typing import ClassVar, Protocol, Self

import numpy as np

from . import fixed_point as fp
from .explanation import Explanation

Element = tuple[int, ...]


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

    def explain(self, e: Explanation, acc: str, element: Element = (0,), shape: Element = (1,)) -> str:
        """Append to `e` how its step `acc` is rounded, the accumulator of that element of an output of that shape.

        Returns the name of the result: "scaled" for "acc", and "scaled_x" for another name x.
        """
        ...


@dataclass(frozen=True, slots=True)
class _FixedPoint:
    """A multiplier of 31 bits and a power of two: effective_scale = quantized_multiplier * 2^(shift - 31)."""

    quantized_multiplier: np.ndarray  # int64 [channels] or [1]
    shift: np.ndarray  # int64, > 0 is left

    @classmethod
    def of(cls, effective_scale: np.ndarray) -> Self:
        return cls(*fp.quantize_multiplier(np.atleast_1d(effective_scale)))

    def _explain_constants(self, e: Explanation, acc: str, element: Element) -> int:
        """Append multiplier and shift; returns the shift."""
        of, shift = _suffix(acc), int(_of_element(self.shift, element))
        multiplier = e.given(f"quantized_multiplier{of}", _of_element(self.quantized_multiplier, element), "31 bits")
        e.given(f"shift{of}", shift, "to the left where > 0")
        e.derive(f"multiplier{of}", f"{multiplier} * 2.0 ** (shift{of} - 31)", "the real factor that the two stand for")
        return shift

    def _explain_two_roundings(self, e: Explanation, acc: str, element: Element, ties: str) -> str:
        of, shift = _suffix(acc), self._explain_constants(e, acc, element)
        left, right = max(shift, 0) % 32, max(-shift, 0)
        e.derive(f"shifted{of}", f"wrap({acc} * 2**{left}, 32)", "shifted to the left, in 32 bits")
        e.derive(f"product{of}", f"shifted{of} * quantized_multiplier{of}", "in 64 bits")
        e.derive(f"dropped_by_high{of}", f"product{of} % 2**31", "the low 31 bits, which the first rounding drops")
        e.derive(f"high{of}", f"min(ties_up(product{of}, 2**31), 2**31 - 1)", "first rounding: the high half, ties up")
        e.derive(f"dropped{of}", f"high{of} % 2**{right}", f"the low {right} bits, which the second rounding drops")
        words = {"ties_up": "ties up", "ties_away": "ties away from zero"}[ties]
        return e.derive(f"scaled{of}", f"{ties}(high{of}, 2**{right})", f"second rounding: shifted to the right, {words}")


@dataclass(frozen=True, slots=True)
class DoubleRounding(_FixedPoint):
    """gemmlowp: the high half of a product, ties up; then a shift to the right, ties away from zero."""

    name: ClassVar[str] = "double_rounding"

    def __call__(self, acc: np.ndarray) -> np.ndarray:
        """divide(high(acc 2^max(s, 0), M), max(-s, 0)), ties away from zero in the second step."""
        return fp.multiply_by_quantized_multiplier(acc, self.quantized_multiplier, self.shift)

    def explain(self, e: Explanation, acc: str, element: Element = (0,), shape: Element = (1,)) -> str:
        """Append the two roundings of one accumulator."""
        return self._explain_two_roundings(e, acc, element, "ties_away")


@dataclass(frozen=True, slots=True)
class HalfUp(_FixedPoint):
    """ruy: the high half of a product, ties up; then a shift to the right, ties up again."""

    name: ClassVar[str] = "half_up"

    def __call__(self, acc: np.ndarray) -> np.ndarray:
        """floor(high(acc 2^max(s, 0), M) / 2^max(-s, 0) + 1/2)."""
        return fp.multiply_by_quantized_multiplier_half_up(acc, self.quantized_multiplier, self.shift)

    def explain(self, e: Explanation, acc: str, element: Element = (0,), shape: Element = (1,)) -> str:
        """Append the two roundings of one accumulator."""
        return self._explain_two_roundings(e, acc, element, "ties_up")


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

    def explain(self, e: Explanation, acc: str, element: Element = (0,), shape: Element = (1,)) -> str:
        """Append the rounding of one accumulator, which its channel decides."""
        rule = self.half_up if element[-1] < self.channels_in_blocks else self.double_rounding
        return rule.explain(e, acc, element)


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

    def explain(self, e: Explanation, acc: str, element: Element = (0,), shape: Element = (1,)) -> str:
        """Append the rounding of one accumulator, which its place in memory decides."""
        place = int(np.ravel_multi_index(element, shape))
        in_blocks = place < self.elements_in_blocks(math.prod(shape))
        return (self.half_up if in_blocks else self.double_rounding).explain(e, acc)


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

    def explain(self, e: Explanation, acc: str, element: Element = (0,), shape: Element = (1,)) -> str:
        """Append the one rounding of one accumulator."""
        of, shift = _suffix(acc), self._explain_constants(e, acc, element)
        e.derive(f"product{of}", f"{acc} * quantized_multiplier{of}", "in 64 bits")
        e.derive(f"dropped{of}", f"product{of} % 2**{31 - shift}", f"the low {31 - shift} bits, which the rounding drops")
        return e.derive(f"scaled{of}", f"wrap(ties_up(product{of}, 2**{31 - shift}), 32)", "the only rounding, ties up")


FixedPointRule = DoubleRounding | SingleRounding  # what a runtime does with every multiplier of 31 bits


@dataclass(frozen=True, slots=True)
class SingleRounding64(_FixedPoint):
    """int64 accumulators: the multiplier itself is rounded to 15 bits, the product of 63 bits once more, ties up."""

    name: ClassVar[str] = "single_rounding_64"

    def __call__(self, acc: np.ndarray) -> np.ndarray:
        """floor(acc R / 2^(15 - s) + 1/2), with R = round(M / 2^16)."""
        return fp.multiply_by_quantized_multiplier_64(acc, self.quantized_multiplier, self.shift)

    def explain(self, e: Explanation, acc: str, element: Element = (0,), shape: Element = (1,)) -> str:
        """Append the roundings of the multiplier and of one accumulator."""
        of, shift = _suffix(acc), self._explain_constants(e, acc, element)
        right, half = (15 - shift) % 64, 2 ** ((14 - shift) % 64)
        e.derive(f"reduced{of}", f"min(ties_up(quantized_multiplier{of}, 2**16), 2**15 - 1)", "the multiplier in 15 bits")
        e.derive(f"product{of}", f"{acc} * reduced{of}", "in 64 bits")
        e.derive(f"dropped{of}", f"product{of} % 2**{right}", f"the low {right} bits, which the rounding drops")
        formula = f"wrap(wrap(product{of} + {half}, 64) // 2**{right}, 32)"
        return e.derive(f"scaled{of}", formula, f"divided by 2^{right}, ties up")


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

    def explain(self, e: Explanation, acc: str, element: Element = (0,), shape: Element = (1,)) -> str:
        """Append product and rounding of one accumulator."""
        of = _suffix(acc)
        e.given(f"multiplier{of}", _of_element(self.effective_scale, element), "s_x * s_w / s_y in float64")
        e.derive(f"product{of}", f"{acc} * multiplier{of}", "in float64")
        e.derive(f"rounded{of}", f"round_half_away(product{of})", "the only rounding, ties away from zero")
        formula = f"rounded{of} if -2**31 <= rounded{of} < 2**31 else -2**31"
        return e.derive(f"scaled{of}", formula, "what the CPU gives for a number that 32 bits cannot hold is the least one")


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

    def explain(self, e: Explanation, acc: str, element: Element = (0,), shape: Element = (1,)) -> str:
        """Append product and rounding of one accumulator."""
        of = _suffix(acc)
        e.given(f"multiplier{of}", _of_element(self.effective_scale, element), "s_x * s_w / s_y in float32")
        e.derive(f"acc_float32{of}", f"float32({acc})", "24 bits of the accumulator")
        e.derive(f"product{of}", f"float32(acc_float32{of} * multiplier{of})", "in float32")
        formula = f"round_half_even(clamp(product{of}, -(2.0**30), 2.0**30))"
        return e.derive(f"scaled{of}", formula, "rounded to an integer, ties to even")


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

    def explain(self, e: Explanation, acc: str, element: Element = (0,), shape: Element = (1,)) -> str:
        """Append the one rounding of one accumulator."""
        of = _suffix(acc)
        e.given(f"quantized_multiplier{of}", _of_element(self.quantized_multiplier, element), "8 bits behind the point")
        e.derive(f"product{of}", f"{acc} * quantized_multiplier{of}")
        e.derive(f"dropped{of}", f"product{of} % 2**8", "the low 8 bits, which the rounding drops")
        return e.derive(f"scaled{of}", f"ties_up(product{of}, 2**8)", "the only rounding, ties up")


def _suffix(acc: str) -> str:
    return "" if acc == "acc" else f"_{acc}"


def _of_element(constants: np.ndarray, element: Element) -> int | float:
    """The constant of an element's channel, which is its last index, as a Python number."""
    return constants[element[-1] if len(constants) > 1 else 0].item()
