"""Binders of reductions: MEAN, SUM."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from qref.kernels import mean as kernels
from qref.ops import mean, sum
from qref.ops._reduction import rows


def bind_mean(plan: mean.QuantizedPlan, constants: Sequence[np.ndarray | None]) -> Callable[..., np.ndarray]:
    """MEAN on integers: the sums compiled, the few results in NumPy."""

    def run(x: np.ndarray, axis: np.ndarray) -> np.ndarray:
        return mean.requantize_sum(sum_over(x, plan.axes), plan) if x.size else mean.mean(x, axis, plan)

    return run


def bind_sum(plan: mean.QuantizedPlan, constants: Sequence[np.ndarray | None]) -> Callable[..., np.ndarray]:
    """SUM on the bytes of int8 or uint8."""

    def run(x: np.ndarray, axis: np.ndarray) -> np.ndarray:
        if x.size == 0:
            return sum.sum_bytes(x, axis, plan)
        acc = sum_over(np.ascontiguousarray(x).view(np.uint8), plan.axes)
        return mean.requantize_sum(acc, plan).view(x.dtype)

    return run


def sum_over(x: np.ndarray, axes: tuple[int, ...]) -> np.ndarray:
    """The sums of x over its axes, wrapped to int32; [outputs] in the order of memory."""
    first, behind = (axes[0], axes[-1] + 1) if axes else (0, 0)
    if axes and len(axes) == behind - first:
        blocks = x.reshape(math.prod(x.shape[:first]), math.prod(x.shape[first:behind]), math.prod(x.shape[behind:]))
    else:
        blocks = rows(x, axes)[:, :, None]
    acc = np.empty((blocks.shape[0], blocks.shape[2]), np.int32)
    kernels.sum_axis(np.ascontiguousarray(blocks), acc)
    return acc.reshape(-1)


BINDERS: dict[Callable[..., Any], Callable[..., Any]] = {
    mean.mean: bind_mean,
    sum.sum_bytes: bind_sum,
}
