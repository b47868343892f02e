"""REDUCE_MAX: y = the greatest element of x over some axes; layout, types and scales in _extremum.py."""

from __future__ import annotations

from ._extremum import prepare_extremum
from .node import Node, Prepared


def prepare(node: Node) -> Prepared:
    """Check the operands and derive the plan."""
    return prepare_extremum(node, greatest=True)
