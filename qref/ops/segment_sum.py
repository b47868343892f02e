"""SEGMENT_SUM: the sum of the rows of x that share a number, the numbers being in rising order.

Layout   x [n, ...], numbers [n] int32 -> y [last number + 1, ...]
Types    x, y float32 or int32 (wrap); alike

LiteRT's reference kernels lack this operator; its optimized kernels have it, and what follows are their results.
"""

from __future__ import annotations

import numpy as np

from qref.schema.enums import TensorType

from ._movement import copied, index_vector
from ._segment import SegmentPlan, explain, segment
from .node import Node, Prepared


def prepare(node: Node) -> Prepared:
    """Check the operands and derive the plan; the numbers tell the output's shape."""
    x, numbers = node.input(0), node.input(1)
    copied(node, x, TensorType.FLOAT32, TensorType.INT32)
    which = index_vector(node, numbers, TensorType.INT32)
    node.expect(
        x.shape and len(which) == x.shape[0],
        f"{numbers} holds {len(which)} numbers; expected one for each row of {list(x.shape)}",
    )
    rising = all(0 <= b - a <= 1 for a, b in zip((0, *which), which))
    node.expect(
        rising, f"{numbers} holds {list(which[:8])}...: expected numbers from 0 on, each at most one more than the one before"
    )
    node.resize(0, (which[-1] + 1 if which else 0, *x.shape[1:]))
    return Prepared(segment_sum, SegmentPlan(np.add, 0, node.output().shape, str(node)), explain)


def segment_sum(x: np.ndarray, numbers: np.ndarray, plan: SegmentPlan) -> np.ndarray:
    """Return y."""
    return segment(x, numbers, numbers, plan)
