"""ZEROS_LIKE: zeros of the shape and type of x.

Layout   x [...] -> y
Types    float32, int32 or int64
"""

from __future__ import annotations

import numpy as np

from qref.schema.enums import TensorType

from ._movement import explain_copy
from .node import Node, Prepared


def prepare(node: Node) -> Prepared:
    """Check the operands; there is nothing to derive."""
    x = node.input(0)
    node.expect_type(x, TensorType.FLOAT32, TensorType.INT32, TensorType.INT64)
    node.resize(0, x.shape, x.type)
    return Prepared(zeros_like, None, explain_copy(zeros_like, 0))


def zeros_like(x: np.ndarray, plan: None) -> np.ndarray:
    """Return y."""
    return np.zeros_like(x)
