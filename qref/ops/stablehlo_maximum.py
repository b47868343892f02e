"""STABLEHLO_MAXIMUM: the greater of two elements; layout and types in _stablehlo.py."""

from __future__ import annotations

from ._stablehlo import maximum, prepare_elementwise
from .node import Node, Prepared


def prepare(node: Node) -> Prepared:
    """Check the operands."""
    return prepare_elementwise(node, maximum, "x2 if x1 < x2 else x1")
