"""LOGICAL_OR: y = x1 or x2.

Layout   x1, x2 that broadcast to one shape -> y of that shape
Types    bool
Source   facts verified in tests/ops/test_logical.py
"""

from __future__ import annotations

import numpy as np

from qref.schema.enums import TensorType

from ._elementwise import operands
from ._formulas import explain_by
from .node import Node, Prepared


def prepare(node: Node) -> Prepared:
    """Check the operands."""
    operands(node, TensorType.BOOL)
    return Prepared(logical_or, None, explain_by(("y", "max(x1, x2)", "1 where one is")))


def logical_or(x1: np.ndarray, x2: np.ndarray, plan: None) -> np.ndarray:
    """Return y = x1 or x2."""
    return np.asarray(np.logical_or(x1, x2))
