"""AVERAGE_POOL_2D: y = act(mean of a window), over its taps inside the image.

Layout   x [N, H, W, C] -> y [N, H', W', C]
Types    float32; int8, uint8, int16
Scales   of x and y alike, not looked at: stored integers are averaged
Source   LiteRT, reference/pooling.h, reference/integer_ops/pooling.h; facts verified in tests/ops/test_pooling.py
"""

from __future__ import annotations

import numpy as np

from qref.schema.enums import TensorType

from ._pooling import TYPES, PoolPlan, prepare_pooling, taps
from .node import Node, Prepared, Step


def prepare(node: Node) -> Prepared:
    """Check the operands and derive the plan."""
    plan = prepare_pooling(node, *TYPES)
    if node.input(0).type == TensorType.FLOAT32:
        return Prepared(average_pool_2d_float32, plan)
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


def explain(x: np.ndarray, plan: PoolPlan, element: tuple[int, ...]) -> list[Step]:
    """Return y[element] step by step in plain Python integers."""
    n, row, column, c = element
    top, left = row * plan.rows.stride - plan.rows.padding, column * plan.columns.stride - plan.columns.padding
    inside = [
        int(x[n, i, j, c])
        for i in range(max(top, 0), min(top + plan.rows.filter_size, plan.rows.image_size))
        for j in range(max(left, 0), min(left + plan.columns.filter_size, plan.columns.image_size))
    ]
    acc, count = sum(inside), len(inside)
    mean = (abs(acc) + count // 2) // count
    mean = mean if acc >= 0 else -mean
    clamped = min(max(mean, int(plan.low)), int(plan.high))
    steps = [Step("taps inside the image", tuple(inside)), Step("acc", acc), Step("count", count)]
    return [*steps, Step("acc / count, ties away from zero", mean), Step("clamped", clamped)]


def average_pool_2d_float32(x: np.ndarray, plan: PoolPlan) -> np.ndarray:
    """Return y float32: taps summed row after row from 0, every step rounded, divided by their number, clamped."""
    acc = np.zeros(plan.output_shape, np.float32)
    with np.errstate(all="ignore"):
        for output, image in taps(plan):
            acc[output] += x[image]
        return np.clip(acc / plan.count.astype(np.float32), plan.low, plan.high)
