"""MUL as TFLM computes it: s_1 * s_2 / s_y is formed in float64; int16 only quantized and into int16."""

from __future__ import annotations

import numpy as np

from qref.ops import mul as base
from qref.ops._matmul import with_plan
from qref.ops.node import Node, Prepared
from qref.schema.enums import TensorType


def prepare(node: Node) -> Prepared:
    """Check the operands and derive the plan."""
    x1, x2, y = node.input(0), node.input(1), node.output()
    if x1.type == TensorType.INT16 and (y.type != TensorType.INT16 or y.quantization is None):
        node.unsupported(f"int16 into {y} of type {y.type.name}; TFLM has quantized int16 into quantized int16")
    prepared = base.prepare(node)
    if not isinstance(prepared.plan, base.MulPlan):
        return prepared
    return with_plan(prepared, requantize=node.requantize(np.float64(x1.scale) * np.float64(x2.scale) / np.float64(y.scale)))
