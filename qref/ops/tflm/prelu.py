"""PRELU as TFLM computes it: s_x / s_y and s_x * s_alpha / s_y are formed in float64."""

from __future__ import annotations

from qref.ops import prelu as base
from qref.ops._matmul import with_plan
from qref.ops.node import Node, Prepared

from ._scales import requantize_by_scales


def prepare(node: Node) -> Prepared:
    """Check the operands and derive the plan."""
    prepared = base.prepare(node)
    if not isinstance(prepared.plan, base.PreluPlan):
        return prepared
    identity, slope = requantize_by_scales(node), requantize_by_scales(node, float(node.input(1).scale))
    return with_plan(prepared, identity=identity, slope=slope)
