"""SPACE_TO_BATCH_ND as TFLM computes it: the border holds 0, whatever the zero point."""

from __future__ import annotations

from qref.ops._matmul import with_plan
from qref.ops.node import Node, Prepared
from qref.ops.space_to_batch_nd import prepare as prepare_base


def prepare(node: Node) -> Prepared:
    """Check the operands and derive the plan."""
    return with_plan(prepare_base(node), value=0)
