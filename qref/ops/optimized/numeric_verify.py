"""NumericVerify in LiteRT's optimized kernels: x is dequantized as their DEQUANTIZE does."""

from __future__ import annotations

from .. import numeric_verify as base
from ..node import Node, Prepared
from . import dequantize


def prepare(node: Node) -> Prepared:
    """Check the operands and options and derive the plan."""
    return base.prepare_after(node, dequantize.prepare)
