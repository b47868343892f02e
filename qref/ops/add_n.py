"""ADD_N: y = x1 + x2 + ... of two operands or more.

Layout   x1, x2, ... of one shape -> y of that shape
Types    int32 (wraps), float32 (from left to right, every sum clamped to finite numbers)
Source   facts verified in tests/ops/test_add_n.py
"""

from __future__ import annotations

from typing import Any

import numpy as np

from qref.schema.enums import TensorType

from ._elementwise import check_same_type
from ._formulas import explain_by, renamed
from .node import Node, Prepared

LIMITS = np.finfo(np.float32)


def prepare(node: Node) -> Prepared:
    """Check the operands."""
    node.expect(len(node.inputs) >= 2, f"expected at least 2 inputs, found {len(node.inputs)}")
    node.expect(len(node.outputs) == 1, f"expected one output, found {len(node.outputs)}")
    first, *others = (node.input(position) for position in range(len(node.inputs)))
    node.expect_type(first, TensorType.INT32, TensorType.FLOAT32)
    check_same_type(node, first, *others)
    for other in others:
        node.expect(
            other.shape == first.shape, f"{other} has shape {list(other.shape)}; expected {list(first.shape)}, as {first}"
        )
    node.resize(0, first.shape, first.type)
    sums = [(f"sum{i}", f"T({'x1' if i == 2 else f'sum{i - 1}'} + x{i})", "") for i in range(2, len(node.inputs) + 1)]
    return Prepared(add_n, None, explain_by(*renamed(sums, **{sums[-1][0]: "y"})))


@np.errstate(all="ignore")
def add_n(first: np.ndarray, *others: Any) -> np.ndarray:
    """Return y = first + others[0] + others[1] + ...; the last argument is the plan, None."""
    total = first
    for x in others[:-1]:
        total = np.asarray(total + x)
        if total.dtype == np.float32:
            total = np.clip(total, LIMITS.min, LIMITS.max)
    return total
