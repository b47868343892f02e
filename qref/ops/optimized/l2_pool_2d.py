"""L2_POOL_2D of LiteRT's optimized kernels: sums of squares are multiplied by 1 / count.

Source   LiteRT, optimized/optimized_ops.h; facts verified in tests/conformance
"""

from __future__ import annotations

import numpy as np

from qref.arithmetic.explanation import Explanation

from .. import l2_pool_2d as base
from .._pooling import PoolPlan, taps
from ..node import Node, Prepared


def prepare(node: Node) -> Prepared:
    """Check the operands and derive the plan."""
    return Prepared(l2_pool_2d, base.prepare(node).plan, explain)


@np.errstate(all="ignore")
def l2_pool_2d(x: np.ndarray, plan: PoolPlan) -> np.ndarray:
    """Return y float32: squares summed row after row from 0, times float32(1 / count); the root, clamped."""
    acc = np.zeros(plan.output_shape, np.float32)
    for output, image in taps(plan):
        acc[output] += x[image] * x[image]
    return np.clip(np.sqrt(acc * (np.float32(1) / plan.count.astype(np.float32))), plan.low, plan.high)


def explain(x: np.ndarray, plan: PoolPlan, element: tuple[int, ...]) -> Explanation:
    """Explain y[element]."""
    return base.explain(x, plan, element, mean="float32(acc * float32(1 / count))")
