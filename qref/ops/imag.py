"""IMAG: the imaginary part of x; layout and types in _complex.py."""

from __future__ import annotations

from ._complex import imag, prepare_part
from .node import Node, Prepared


def prepare(node: Node) -> Prepared:
    """Check the operands."""
    return prepare_part(node, imag)
