"""ZEROS_LIKE as TFLM computes it: int8 too, the stored value 0 whatever the zero point."""

from __future__ import annotations

from qref.ops._movement import explain_copy
from qref.ops.node import Node, Prepared
from qref.ops.zeros_like import prepare as prepare_base
from qref.ops.zeros_like import zeros_like
from qref.schema.enums import TensorType


def prepare(node: Node) -> Prepared:
    """Check the operands; there is nothing to derive."""
    x = node.input(0)
    if x.type != TensorType.INT8:
        return prepare_base(node)
    node.resize(0, x.shape, x.type)
    return Prepared(zeros_like, None, explain_copy(zeros_like, 0))
