"""SQUARED_DIFFERENCE in XNNPACK: float32 alone, denormals are zero and infinities stay; all else is left to LiteRT.

Source   facts verified in tests/ops/test_elementwise_runtimes.py
"""

from __future__ import annotations

import numpy as np

from qref.arithmetic.fused import flushed_product
from qref.ops.node import Node, Prepared
from qref.schema.enums import TensorType

from ._float import prepare_float
from ._vadd import is_taken


def prepare(node: Node) -> Prepared | None:
    """Derive the plan; None for what the delegate leaves."""
    if not is_taken(node) or node.input(0).type != TensorType.FLOAT32:
        return None
    return prepare_float(
        node, _squared_difference, ("difference", "float32(v1 - v2)", ""), ("raw", "float32(difference * difference)", "")
    )


def _squared_difference(x1: np.ndarray, x2: np.ndarray) -> np.ndarray:
    difference = np.subtract(x1, x2)
    return flushed_product(difference, difference)
