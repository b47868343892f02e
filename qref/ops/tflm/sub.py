"""SUB as TFLM computes it: int16 is scaled as int8 is, whatever pot_scale_int16 says."""

from __future__ import annotations

from qref.ops import sub as base
from qref.ops._elementwise import QUANTIZED_TYPES, operands
from qref.ops._sum import prepare_sum
from qref.ops.node import Node, Prepared


def prepare(node: Node) -> Prepared:
    """Check the operands and derive the plan."""
    if node.input(0).type not in QUANTIZED_TYPES:
        return base.prepare(node)
    return prepare_sum(node, *operands(node, *QUANTIZED_TYPES), -1, by_shifts=False)
