"""A runtime's rounding rule bound to the kernel that applies it to whole accumulators."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from qref.arithmetic.fixed_point import wrap_int32
from qref.arithmetic.requantize import DoubleRounding, Float64HalfAway, Requantize, SingleRounding64
from qref.kernels import requantize as kernels

Finish = Callable[[np.ndarray, np.dtype], np.ndarray]


def bind_requantize(rule: Requantize, output_offset: int, qmin: int, qmax: int) -> Finish:
    """Return finish(acc [..., C] int32 or int64, dtype) -> clamp(rule(acc) + output_offset) of that dtype and shape."""
    kernel: Any
    constants: tuple[np.ndarray, ...]
    if isinstance(rule, Float64HalfAway):
        kernel, constants = kernels.float64_half_away, (rule.effective_scale,)
    elif isinstance(rule, DoubleRounding):
        kernel, constants = kernels.double_rounding, (rule.quantized_multiplier, rule.shift)
    elif isinstance(rule, SingleRounding64):
        kernel, constants = kernels.single_rounding_64, (rule.quantized_multiplier, rule.shift)
    else:  # a rule without a kernel of its own runs in NumPy
        return lambda acc, dtype: np.clip(wrap_int32(rule(acc) + output_offset), qmin, qmax).astype(dtype)

    @np.errstate(all="ignore")
    def finish(acc: np.ndarray, dtype: np.dtype) -> np.ndarray:
        channels = acc.shape[-1]
        y = np.empty(acc.shape, dtype)
        each = [np.array(np.broadcast_to(values, channels)) for values in constants]
        if acc.size:
            kernel(acc.reshape(-1, channels), *each, output_offset, qmin, qmax, y.reshape(-1, channels))
        return y

    return finish
