"""PADV2: x with a border of a given value; layout, types and scales in _pad.py."""

from __future__ import annotations

from ._pad import prepare_pad
from .node import Node, Prepared


def prepare(node: Node) -> Prepared:
    """Check the operands and derive the plan."""
    return prepare_pad(node, node.input(2))
