"""BATCH_MATMUL as TFLM computes it: s_x * s_w / s_y is formed in float64."""

from __future__ import annotations

from qref.ops import batch_matmul as base
from qref.ops._matmul import effective_scale, with_plan
from qref.ops.node import Node, Prepared


def prepare(node: Node) -> Prepared:
    """Check the operands and derive the plan."""
    prepared = base.prepare(node)
    if not isinstance(prepared.plan, base.BatchMatMulPlan):
        return prepared
    scale = effective_scale(node, node.input(0), node.input(1), node.output(), 1)
    return with_plan(prepared, requantize=node.requantize(scale, prepared.plan.acc_bits))
