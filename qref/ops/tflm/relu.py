"""RELU as TFLM computes it: s_x / s_y is formed in float64."""

from __future__ import annotations

from qref.ops import relu as base
from qref.ops._matmul import with_plan
from qref.ops._relu import ClampPlan
from qref.ops.node import Node, Prepared

from ._scales import requantize_by_scales


def prepare(node: Node) -> Prepared:
    """Check the operands and derive the plan."""
    prepared = base.prepare(node)
    return with_plan(prepared, requantize=requantize_by_scales(node)) if isinstance(prepared.plan, ClampPlan) else prepared
