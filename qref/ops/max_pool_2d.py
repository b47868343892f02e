"""MAX_POOL_2D: y = act(greatest of a window), over its taps inside the image.

Layout   x [N, H, W, C] -> y [N, H', W', C]
Types    float32; int8, uint8, int16
Scales   of x and y alike, not looked at: stored integers are compared
Source   LiteRT, reference/pooling.h, reference/integer_ops/pooling.h; facts verified in tests/ops/test_pooling.py
"""

from __future__ import annotations

import numpy as np

from ._pooling import TYPES, PoolPlan, prepare_pooling, taps
from .node import Node, Prepared


def prepare(node: Node) -> Prepared:
    """Check the operands and derive the plan."""
    return Prepared(max_pool_2d, prepare_pooling(node, *TYPES))


def max_pool_2d(x: np.ndarray, plan: PoolPlan) -> np.ndarray:
    """Return y = clamp(max of the taps); a NaN is never greater, and of two zeros the first stays."""
    y = np.full(plan.output_shape, lowest(x.dtype), x.dtype)
    for output, image in taps(plan):
        y[output] = np.where(y[output] < x[image], x[image], y[output])
    return np.clip(y, plan.low, plan.high).astype(x.dtype, copy=False)


def lowest(dtype: np.dtype) -> np.generic:
    """The least finite number of a type, with which a window begins."""
    return np.finfo(dtype).min if dtype.kind == "f" else dtype.type(np.iinfo(dtype).min)
