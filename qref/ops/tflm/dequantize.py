"""DEQUANTIZE as TFLM computes it: with several scales, the first scale and zero point serve all elements."""

from __future__ import annotations

from qref.ops._matmul import with_plan
from qref.ops.dequantize import prepare as prepare_base
from qref.ops.node import Node, Prepared


def prepare(node: Node) -> Prepared:
    """Check the operands and derive the plan."""
    prepared = prepare_base(node)
    return with_plan(prepared, scale=prepared.plan.scale[:1], zero_point=prepared.plan.zero_point[:1])
