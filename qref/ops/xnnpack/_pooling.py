"""Which windows the delegate's pooling takes, and what it demands of quantized tensors that are moved as they are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .._formulas import explain_by
from .._pooling import PoolPlan
from .._relu import Float32ClampPlan
from ..node import Node, Operand, Prepared
from ._delegate import has_plain_activation
from ._float import LIMITS
from ._unary import EXPLAIN_CLAMP, clamp


def takes_window(node: Node) -> bool:
    """Strides do not exceed the filter, a filter of one pixel only with strides of 1."""
    strides = [node.options.get(f"stride_{letter}", 0) for letter in "hw"]
    sizes = [node.options.get(f"filter_{name}", 0) for name in ("height", "width")]
    fits = all(0 < stride <= size for stride, size in zip(strides, sizes))
    return fits and not (sizes == [1, 1] and max(strides) > 1) and has_plain_activation(node)


def expect_same_quantization(node: Node, x: Operand, y: Operand) -> None:
    """Refuse different scales or zero points, with which the delegate fails to prepare the model."""
    same = x.scale == y.scale and x.zero_point == y.zero_point
    found = f"{x.scale} and {x.zero_point}, {y.scale} and {y.zero_point}"
    node.expect(same, f"scale and zero point of {x} and {y} are {found}; XNNPACK refuses them unless they are equal")


def plan_float32(node: Node, plan: PoolPlan) -> PoolPlan:
    """The plan with the limits of XNNPACK, for which infinities are in range."""
    low, high = LIMITS[node.activation]
    return replace(plan, low=np.float32(low), high=np.float32(high))


def prepare_one_pixel(node: Node, plan: PoolPlan) -> Prepared | None:
    """What XNNPACK makes of a filter of one pixel: a clamp, or without an activation function nothing; None for other filters."""
    if plan.rows.filter_size * plan.columns.filter_size > 1:
        return None
    if node.activation == "NONE":
        return Prepared(itself, plan, explain_by(("y", "x", "the pixel itself, denormals too")))
    return Prepared(clamp, Float32ClampPlan(np.float32(plan.low), np.float32(plan.high)), EXPLAIN_CLAMP)


def itself(x: np.ndarray, plan: PoolPlan) -> np.ndarray:
    """Return y[i] = x[i]."""
    return x.copy()
