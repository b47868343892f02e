"""L2_POOL_2D: y = act(root of the mean square of a window), over its taps inside the image.

Layout   x [N, H, W, C] -> y [N, H', W', C]
Types    float32
Source   LiteRT, reference/pooling.h; facts verified in tests/ops/test_pooling.py
"""

from __future__ import annotations

import numpy as np

from qref.arithmetic.explanation import Explanation
from qref.schema.enums import TensorType

from ._explain import explain_clamp
from ._pooling import PoolPlan, prepare_pooling, taps, taps_of
from .node import Node, Prepared


def prepare(node: Node) -> Prepared:
    """Check the operands and derive the plan."""
    return Prepared(l2_pool_2d, prepare_pooling(node, TensorType.FLOAT32), explain)


def l2_pool_2d(x: np.ndarray, plan: PoolPlan) -> np.ndarray:
    """Return y float32: squares summed row after row from 0, every step rounded, divided by their number; the root, clamped."""
    acc = np.zeros(plan.output_shape, np.float32)
    with np.errstate(all="ignore"):
        for output, image in taps(plan):
            acc[output] += x[image] * x[image]
        return np.clip(np.sqrt(acc / plan.count.astype(np.float32)), plan.low, plan.high)


def explain(x: np.ndarray, plan: PoolPlan, element: tuple[int, ...], mean: str = "float32(acc / count)") -> Explanation:
    """Explain y[element]; mean: the formula by which a kernel divides the sum of squares."""
    e = Explanation()
    e.given("x", taps_of(x, plan, element), "the inputs inside the window and the image, row after row")
    e.given("count", len(e.value("x")), "how many they are")
    e.derive("squares", "float32(x * x)")
    e.derive("acc", "sum32(squares)", "in this order from 0, every step rounded to float32")
    e.derive("mean", mean)
    e.derive("root", "sqrt(mean)")
    explain_clamp(e, "root", plan.low, plan.high, "real")
    return e
