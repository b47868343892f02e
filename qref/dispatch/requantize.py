"""A runtime's rounding rule bound to the kernel that applies it to whole accumulators."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from qref.arithmetic.requantize import DoubleRounding, SingleRounding64, Float64HalfAway, Requantize
from qref.kernels import requantize as kernels

Finish = Callable[[np.ndarray, np.dtype], np.ndarray]


def bind_requantize(rule: Requantize, output_offset: int, qmin: int, qmax: int) -> Finish:
    """Return finish(acc [..., C] int32 or int64, dtype) -> clamp(rule(acc) + output_offset) of that dtype and shape."""

    def finish(acc: np.ndarray, dtype: np.dtype) -> np.ndarray:
        y = np.empty(acc.shape, dtype)
        rows, out = acc.reshape(-1, acc.shape[-1]), y.reshape(-1, acc.shape[-1])
        kernel(rows, *(np.broadcast_to(c, acc.shape[-1]) for c in constants), output_offset, qmin, qmax, out)
        return y

    if isinstance(rule, Float64HalfAway):
        kernel, constants = kernels.float64_half_away, (rule.effective_scale,)
    elif isinstance(rule, DoubleRounding):
        kernel, constants = kernels.double_rounding, (rule.quantized_multiplier, rule.shift)
    elif isinstance(rule, SingleRounding64):
        kernel, constants = kernels.single_rounding_64, (rule.quantized_multiplier, rule.shift)
    else:  # a rule without a kernel of its own runs in NumPy
        return lambda acc, dtype: np.clip(rule(acc.astype(np.int64)) + output_offset, qmin, qmax).astype(dtype)
    return finish
