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
from qref.kernels import requantize as kernels

Finish = Callable[[np.ndarray, np.dtype], np.ndarray]


def bind_requantize(rule: Requantize, output_offset: int, qmin: int, qmax: int) -> Finish:
    """Return finish(acc [..., C] int32 or int64, dtype) -> clamp(rule(acc) + output_offset) of that dtype and shape."""
    if isinstance(rule, HalfUpFlatBlocks):
        return _bind_flat_blocks(rule, output_offset, qmin, qmax)
    kernel: Any
    in_blocks: int | None = None  # channels; where the kernel asks
    constants: tuple[np.ndarray, ...]
    if isinstance(rule, Float64HalfAway):
        kernel, constants = kernels.float64_half_away, (rule.effective_scale,)
    elif isinstance(rule, DoubleRounding):
        kernel, constants = kernels.double_rounding, (rule.quantized_multiplier, rule.shift)
    elif isinstance(rule, HalfUp):
        kernel, constants = kernels.half_up, (rule.quantized_multiplier, rule.shift)
    elif isinstance(rule, HalfUpBlocks):
        kernel, constants = kernels.half_up, (rule.half_up.quantized_multiplier, rule.half_up.shift)
        in_blocks = rule.channels_in_blocks
    elif isinstance(rule, Float32HalfEven):
        kernel, constants = kernels.float32_half_even, (rule.effective_scale,)
    elif isinstance(rule, SingleRounding64):
        kernel, constants = kernels.single_rounding_64, (rule.quantized_multiplier, rule.shift)
    else:  # a rule without a kernel of its own runs in NumPy
        return lambda acc, dtype: np.clip(wrap_int32(rule(acc) + output_offset), qmin, qmax).astype(dtype)

    @np.errstate(all="ignore")
    def finish(acc: np.ndarray, dtype: np.dtype) -> np.ndarray:
        channels = acc.shape[-1]
        y = np.empty(acc.shape, dtype)
        each: list[Any] = [np.array(np.broadcast_to(values, channels)) for values in constants]
        if acc.size:
            if kernel is kernels.half_up:
                each.append(channels if in_blocks is None else in_blocks)
            kernel(acc.reshape(-1, channels), *each, output_offset, qmin, qmax, y.reshape(-1, channels))
        return y

    return finish


def _bind_flat_blocks(rule: HalfUpFlatBlocks, output_offset: int, qmin: int, qmax: int) -> Finish:
    blocks = bind_requantize(rule.half_up, output_offset, qmin, qmax)
    rest = bind_requantize(rule.double_rounding, output_offset, qmin, qmax)

    def finish(acc: np.ndarray, dtype: np.dtype) -> np.ndarray:
        flat = acc.reshape(-1, 1)
        first = rule.elements_in_blocks(acc.size)
        return np.concatenate([blocks(flat[:first], dtype), rest(flat[first:], dtype)]).reshape(acc.shape)

    return finish
