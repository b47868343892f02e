"""STABLEHLO_MINIMUM: the lesser of two elements; layout and types in _stablehlo.py."""

from __future__ import annotations

from ._stablehlo import minimum, prepare_elementwise
from .node import Node, Prepared


def prepare(node: Node) -> Prepared:
    """Check the operands."""
    return prepare_elementwise(node, minimum, "x2 if x2 < x1 else x1")
