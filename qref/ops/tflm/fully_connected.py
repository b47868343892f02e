"""FULLY_CONNECTED as TFLM computes it: the rounding of every other operator, s_x * s_w / s_y in float64; no sparse weights."""

from __future__ import annotations

from qref.ops.fully_connected import prepare as prepare_base
from qref.ops.node import Node, Prepared
from qref.schema.enums import TensorType


def prepare(node: Node) -> Prepared:
    """Check the operands and derive the plan."""
    w = node.input(1)
    if w.tensor.sparsity is not None:
        node.unsupported(f"weights {w} are sparse, which TFLM does not see; store them densely")
    if w.type == TensorType.INT4 and w.scales.size > 1:
        node.unsupported(f"weights {w} of type INT4 have {w.scales.size} scales; TFLM takes one: quantize them per tensor")
    return prepare_base(node)
