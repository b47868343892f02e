"""ARG_MIN: where the least element of x is along one axis; layout and types in _arg_extremum.py."""

from __future__ import annotations

from ._arg_extremum import prepare_arg
from .node import Node, Prepared


def prepare(node: Node) -> Prepared:
    """Check the operands and derive the plan."""
    return prepare_arg(node, greatest=False)
