"""LOGICAL_NOT: y = not x.

Layout   x [...] -> y [...]
Types    bool
Source   facts verified in tests/ops/test_logical.py
"""

from __future__ import annotations

import numpy as np

from qref.schema.enums import TensorType

from ._elementwise import check_counts
from ._formulas import explain_by
from .node import Node, Prepared


def prepare(node: Node) -> Prepared:
    """Check the operands."""
    check_counts(node, 1)
    x = node.input(0)
    node.expect_type(x, TensorType.BOOL)
    node.expect_type(node.output(), TensorType.BOOL)
    node.resize(0, x.shape)
    return Prepared(logical_not, None, explain_by(("y", "1 - x", "")))


def logical_not(x: np.ndarray, plan: None) -> np.ndarray:
    """Return y = not x."""
    return np.asarray(np.logical_not(x))
