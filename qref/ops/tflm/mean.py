"""MEAN as TFLM computes it: as LiteRT's reference, integers rounded by the runtime's rule."""

from __future__ import annotations

from qref.ops import mean as base
from qref.ops._matmul import with_plan
from qref.ops.node import Node, Prepared


def prepare(node: Node) -> Prepared:
    """Check the operands and derive the plan."""
    prepared = base.prepare(node)
    if not isinstance(prepared.plan, base.QuantizedPlan):
        return prepared
    constants = prepared.plan.requantize
    return with_plan(prepared, requantize=node.fixed_point_rule()(constants.quantized_multiplier, constants.shift))
