"""ADD as TFLM computes it: int16 is scaled as int8 is, whatever pot_scale_int16 says; int32 is not clamped."""

from __future__ import annotations

import numpy as np

from qref.ops import add as base
from qref.ops._elementwise import QUANTIZED_TYPES, operands
from qref.ops._matmul import with_plan
from qref.ops._sum import prepare_sum
from qref.ops.node import Node, Prepared
from qref.schema.enums import TensorType


def prepare(node: Node) -> Prepared:
    """Check the operands and derive the plan."""
    if node.input(0).type == TensorType.INT32:
        limits = np.iinfo(np.int32)
        return with_plan(base.prepare(node), low=limits.min, high=limits.max)
    if node.input(0).type not in QUANTIZED_TYPES:
        return base.prepare(node)
    return prepare_sum(node, *operands(node, *QUANTIZED_TYPES), +1, by_shifts=False)
