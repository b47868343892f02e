"""UNSORTED_SEGMENT_MAX: the greatest of the rows of x that share a number; layout and types in _segment.py."""

from __future__ import annotations

from ._segment import prepare_unsorted
from .node import Node, Prepared


def prepare(node: Node) -> Prepared:
    """Check the operands and derive the plan."""
    return prepare_unsorted(node, "max")
