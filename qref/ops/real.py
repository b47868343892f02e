"""REAL: the real part of x; layout and types in _complex.py."""

from __future__ import annotations

from ._complex import prepare_part, real
from .node import Node, Prepared


def prepare(node: Node) -> Prepared:
    """Check the operands."""
    return prepare_part(node, real)
