"""AVERAGE_POOL_2D: y = act(mean of a window), over its taps inside the image.

Layout   x [N, H, W, C] -> y [N, H', W', C]
Types    float32; int8, uint8, int16
Scales   of x and y alike, not looked at: stored integers are averaged
Source   LiteRT, reference/pooling.h, reference/integer_ops/pooling.h; facts verified in tests/ops/test_pooling.py
"""

from __future__ import annotations

import numpy as np

from qref.arithmetic.explanation import Explanation
from qref.schema.enums import TensorType

from ._explain import explain_clamp
from ._pooling import TYPES, PoolPlan, prepare_pooling, taps, taps_of
from .node import Node, Prepared


def prepare(node: Node) -> Prepared:
    """Check the operands and derive the plan."""
    plan = prepare_pooling(node, *TYPES)
    if node.input(0).type == TensorType.FLOAT32:
        return Prepared(average_pool_2d_float32, plan, explain_float32)
    return Prepared(average_pool_2d, plan, explain)


def average_pool_2d(x: np.ndarray, plan: PoolPlan) -> np.ndarray:
    """Return y.

    acc = sum of the taps inside the image, n of them
    y   = clamp(acc / n), to the nearest integer, ties away from zero: (|acc| + n / 2) / n, with the sign of acc
    """
    acc = np.zeros(plan.output_shape, np.int64)
    for output, image in taps(plan):
        acc[output] += x[image]
    mean = np.sign(acc) * ((np.abs(acc) + plan.count // 2) // plan.count)
    return np.clip(mean, plan.low, plan.high).astype(x.dtype)


def explain(x: np.ndarray, plan: PoolPlan, element: tuple[int, ...]) -> Explanation:
    """Explain y[element]."""
    e = Explanation()
    e.given("x", taps_of(x, plan, element), "the inputs inside the window and the image, LSB")
    e.given("count", len(e.value("x")), "how many they are")
    e.derive("acc", "sum(x)")
    e.derive("mean", "ties_away(acc, count)", "to the nearest integer, ties away from zero")
    explain_clamp(e, "mean", plan.low, plan.high)
    return e


def average_pool_2d_float32(x: np.ndarray, plan: PoolPlan) -> np.ndarray:
    """Return y float32: taps summed row after row from 0, every step rounded, divided by their number, clamped."""
    acc = np.zeros(plan.output_shape, np.float32)
    with np.errstate(all="ignore"):
        for output, image in taps(plan):
            acc[output] += x[image]
        return np.clip(acc / plan.count.astype(np.float32), plan.low, plan.high)


def explain_float32(x: np.ndarray, plan: PoolPlan, element: tuple[int, ...]) -> Explanation:
    """Explain y[element]."""
    e = Explanation()
    e.given("x", taps_of(x, plan, element), "the inputs inside the window and the image, row after row")
    e.given("count", len(e.value("x")), "how many they are")
    e.derive("acc", "sum32(x)", "in this order from 0, every step rounded to float32")
    e.derive("mean", "float32(acc / count)")
    explain_clamp(e, "mean", plan.low, plan.high, "real")
    return e
