"""SQUARED_DIFFERENCE as TFLM computes it: int16 too, with zero points 0 and no left shift."""

from __future__ import annotations

from qref.ops import squared_difference as base
from qref.ops._unary import expect_symmetric
from qref.ops.node import Node, Prepared
from qref.schema.enums import TensorType

LEFT_SHIFTS = {**base.LEFT_SHIFTS, TensorType.INT16: 0}


def prepare(node: Node) -> Prepared:
    """Check the operands and derive the plan."""
    if node.input(0).type == TensorType.INT16:
        expect_symmetric(node, node.input(0), node.input(1), node.output())
    return base.prepare(node, LEFT_SHIFTS)
