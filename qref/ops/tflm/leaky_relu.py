"""LEAKY_RELU as TFLM computes it: s_x / s_y and s_x * alpha / s_y are formed in float64."""

from __future__ import annotations

from qref.ops import leaky_relu as base
from qref.ops._matmul import with_plan
from qref.ops.node import Node, Prepared

from ._scales import requantize_by_scales


def prepare(node: Node) -> Prepared:
    """Check the operands and derive the plan."""
    prepared = base.prepare(node)
    if not isinstance(prepared.plan, base.LeakyReluPlan):
        return prepared
    alpha = abs(float(node.options.get("alpha", 0.0)))
    return with_plan(prepared, requantize=requantize_by_scales(node), requantize_alpha=requantize_by_scales(node, alpha))
