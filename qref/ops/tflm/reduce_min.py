"""REDUCE_MIN as TFLM computes it: from the greatest finite number on, so that an infinity does not get through."""

from __future__ import annotations

from qref.ops._matmul import with_plan
from qref.ops.node import Node, Prepared
from qref.ops.reduce_min import prepare as prepare_base


def prepare(node: Node) -> Prepared:
    """Check the operands and derive the plan."""
    return with_plan(prepare_base(node), all_axes=False)
