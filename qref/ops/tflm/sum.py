"""SUM as TFLM computes it: integers are read as what they are; float32 sums start at 0 over any axes."""

from __future__ import annotations

import numpy as np

from qref.ops import sum as base
from qref.ops._matmul import with_plan
from qref.ops._reduction import prepare_reduction, reduced_count
from qref.ops.mean import QuantizedPlan, explain, mean
from qref.ops.node import Node, Prepared
from qref.schema.enums import TensorType


def prepare(node: Node) -> Prepared:
    """Check the operands and derive the plan."""
    x, y = node.input(0), node.output()
    if x.type == TensorType.FLOAT32:
        return with_plan(base.prepare(node), all_axes=False)
    plan = prepare_reduction(node, TensorType.INT8, TensorType.INT16)
    rule = node.fixed_point_rule().of(np.array([np.float64(x.scale) / np.float64(y.scale)]))
    correction = -x.zero_point * reduced_count(x.shape, plan.axes)
    return Prepared(mean, QuantizedPlan(plan.axes, plan.output_shape, correction, rule, y.zero_point, y.dtype), explain)
