"""FULLY_CONNECTED as TFLM computes it: the rounding of every other operator, s_x * s_w / s_y in float64; no sparse weights."""

from __future__ import annotations

from qref.ops.fully_connected import prepare as prepare_base
from qref.ops.node import Node, Prepared


def prepare(node: Node) -> Prepared:
    """Check the operands and derive the plan."""
    w = node.input(1)
    if w.tensor.sparsity is not None:
        node.unsupported(f"weights {w} are sparse, which TFLM does not see; store them densely")
    return prepare_base(node)
