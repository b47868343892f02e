"""EMBEDDING_LOOKUP as TFLM computes it: with several scales, the first serves all rows of an int8 table."""

from __future__ import annotations

from qref.ops._matmul import with_plan
from qref.ops.embedding_lookup import prepare as prepare_base
from qref.ops.node import Node, Prepared


def prepare(node: Node) -> Prepared:
    """Check the operands and derive the plan."""
    prepared = prepare_base(node)
    return prepared if prepared.plan.scale is None else with_plan(prepared, scale=prepared.plan.scale[:1])
