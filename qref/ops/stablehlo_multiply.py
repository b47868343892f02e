"""STABLEHLO_MULTIPLY: the product of two elements; layout and types in _stablehlo.py."""

from __future__ import annotations

import numpy as np

from ._stablehlo import prepare_elementwise
from .node import Node, Prepared


def prepare(node: Node) -> Prepared:
    """Check the operands."""
    return prepare_elementwise(node, np.multiply, "T(x1 * x2)")
