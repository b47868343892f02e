"""A runtime's rounding rule bound to the kernel that applies it to whole accumulators."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from qref.arithmetic.fixed_point import wrap_int32
from qref.arithmetic.requantize import (
    DoubleRounding,
    Float32HalfEven,
    Float64HalfAway,
    HalfUp,
    HalfUpBlocks,
    HalfUpFlatBlocks,
    Requantize,
    SingleRounding64,
)
from qref.dispatch.cut import Call
from qref.kernels import requantize as kernels

Finish = Callable[[np.ndarray, np.dtype], np.ndarray]


def bind_requantize(rule: Requantize, output_offset: int, qmin: int, qmax: int) -> Finish:
    """Return finish(acc [..., C] int32 or int64, dtype) -> clamp(rule(acc) + output_offset) of that dtype and shape."""
    if isinstance(rule, HalfUpFlatBlocks):
        return _bind_flat_blocks(rule, output_offset, qmin, qmax)
    bound = kernel_of(rule)
    if bound is None:
        return lambda acc, dtype: np.clip(wrap_int32(rule(acc) + output_offset), qmin, qmax).astype(dtype)
    kernel, constants_for = bound

    @np.errstate(all="ignore")
    def finish(acc: np.ndarray, dtype: np.dtype) -> np.ndarray:
        channels = acc.shape[-1]
        y = np.empty(acc.shape, dtype)
        if acc.size:
            constants = constants_for(channels)
            kernel(acc.reshape(-1, channels), *constants, output_offset, qmin, qmax, y.reshape(-1, channels))
        return y

    return finish


def kernel_of(rule: Requantize) -> tuple[Callable[..., None], Callable[[int], list[Any]]] | None:
    """The kernel of a rule and, for so many channels, its constants; None for a rule that has none and runs in NumPy."""
    if isinstance(rule, Float64HalfAway):
        return kernels.float64_half_away, _constants(rule.effective_scale)
    if isinstance(rule, DoubleRounding):
        return kernels.double_rounding, _constants(rule.quantized_multiplier, rule.shift)
    if isinstance(rule, HalfUp):
        return kernels.half_up, lambda n: [*_constants(rule.quantized_multiplier, rule.shift)(n), n]
    if isinstance(rule, HalfUpBlocks):
        fixed, in_blocks = rule.half_up, rule.channels_in_blocks
        return kernels.half_up, lambda n: [*_constants(fixed.quantized_multiplier, fixed.shift)(n), in_blocks]
    if isinstance(rule, Float32HalfEven):
        return kernels.float32_half_even, _constants(rule.effective_scale)
    if isinstance(rule, SingleRounding64):
        return kernels.single_rounding_64, _constants(rule.quantized_multiplier, rule.shift)
    return None


def _constants(*values: np.ndarray) -> Callable[[int], list[Any]]:
    return lambda channels: [np.array(np.broadcast_to(v, channels)) for v in values]


def requantizations(rule: Requantize, acc: np.ndarray, limits: tuple[int, int, int], y: np.ndarray) -> list[Call] | None:
    """The calls that write y = clamp(rule(acc) + output_offset), acc [..., C] of int32 or int64; None for a rule without kernel.

    limits  (output_offset, qmin, qmax)
    """
    if isinstance(rule, HalfUpFlatBlocks):
        first, flat, results = rule.elements_in_blocks(acc.size), acc.reshape(-1, 1), y.reshape(-1, 1)
        blocks = requantizations(rule.half_up, flat[:first], limits, results[:first])
        rest = requantizations(rule.double_rounding, flat[first:], limits, results[first:])
        return [*(blocks or []), *(rest or [])]
    bound, channels = kernel_of(rule), acc.shape[-1]
    if bound is None:
        return None
    kernel, constants_for = bound
    return [Call(kernel, (acc.reshape(-1, channels), *constants_for(channels), *limits, y.reshape(-1, channels)))]


def _bind_flat_blocks(rule: HalfUpFlatBlocks, output_offset: int, qmin: int, qmax: int) -> Finish:
    blocks = bind_requantize(rule.half_up, output_offset, qmin, qmax)
    rest = bind_requantize(rule.double_rounding, output_offset, qmin, qmax)

    def finish(acc: np.ndarray, dtype: np.dtype) -> np.ndarray:
        flat = acc.reshape(-1, 1)
        first = rule.elements_in_blocks(acc.size)
        return np.concatenate([blocks(flat[:first], dtype), rest(flat[first:], dtype)]).reshape(acc.shape)

    return finish
