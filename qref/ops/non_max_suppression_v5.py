"""NON_MAX_SUPPRESSION_V5: the best boxes that do not overlap, with their scores; layout and types in _suppression.py."""

from __future__ import annotations

from ._suppression import prepare_suppression
from .node import Node, Prepared


def prepare(node: Node) -> Prepared:
    """Check the operands and derive the plan."""
    return prepare_suppression(node, soft=True)
