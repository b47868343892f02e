"""MAX_POOL_2D: y = act(greatest of a window), over its taps inside the image.

Layout   x [N, H, W, C] -> y [N, H', W', C]
Types    float32; int8, uint8, int16
Scales   of x and y alike, not looked at: stored integers are compared
Source   LiteRT, reference/pooling.h, reference/integer_ops/pooling.h; facts verified in tests/ops/test_pooling.py
"""

from __future__ import annotations

import numpy as np

from qref.arithmetic.explanation import Explanation

from ._explain import explain_clamp
from ._pooling import TYPES, PoolPlan, prepare_pooling, taps, taps_of
from .node import Node, Prepared


def prepare(node: Node) -> Prepared:
    """Check the operands and derive the plan."""
    return Prepared(max_pool_2d, prepare_pooling(node, *TYPES), explain)


def max_pool_2d(x: np.ndarray, plan: PoolPlan) -> np.ndarray:
    """Return y = clamp(max of the taps); a NaN is never greater, and of two zeros the first stays."""
    y = np.full(plan.output_shape, lowest(x.dtype), x.dtype)
    for output, image in taps(plan):
        y[output] = np.where(y[output] < x[image], x[image], y[output])
    return np.clip(y, plan.low, plan.high).astype(x.dtype, copy=False)


def explain(x: np.ndarray, plan: PoolPlan, element: tuple[int, ...]) -> Explanation:
    """Explain y[element]."""
    e = Explanation()
    e.given("x", taps_of(x, plan, element), "the inputs inside the window and the image, row after row")
    e.given("lowest", lowest(x.dtype), "with which a window begins: the least finite number of the type")
    e.derive("greatest", "greatest_of(x, lowest)", "NaN is never greater")
    explain_clamp(e, "greatest", plan.low, plan.high, "LSB" if x.dtype.kind in "iu" else "real")
    return e


def lowest(dtype: np.dtype) -> np.generic:
    """The least finite number of a type, with which a window begins."""
    return np.finfo(dtype).min if dtype.kind == "f" else dtype.type(np.iinfo(dtype).min)
