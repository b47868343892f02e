"""COMPLEX_ABS: the absolute value of x; layout and types in _complex.py."""

from __future__ import annotations

from ._complex import complex_abs, prepare_part
from .node import Node, Prepared


def prepare(node: Node) -> Prepared:
    """Check the operands."""
    return prepare_part(node, complex_abs)
