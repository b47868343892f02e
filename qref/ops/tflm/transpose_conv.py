"""TRANSPOSE_CONV as TFLM computes it: int16 accumulates in int64, whatever quantized_bias_type says; its bias is int64."""

from __future__ import annotations

from qref.ops import transpose_conv as base
from qref.ops._matmul import effective_scale, with_plan
from qref.ops.node import Node, Prepared
from qref.schema.enums import TensorType


def prepare(node: Node) -> Prepared:
    """Check the operands and derive the plan."""
    prepared = base.prepare(node)
    w, x, b, y = node.input(1), node.input(2), node.input(3, optional=True), node.output()
    if x.type != TensorType.INT16:
        return prepared
    if b is not None:
        node.expect_type(b, TensorType.INT64)
    scale = effective_scale(node, x, w, y, w.shape[0])
    return with_plan(prepared, requantize=node.requantize(scale, 64), acc_bits=64)
