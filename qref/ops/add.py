"""ADD: y = act(x1 + x2).

Layout   x1, x2 that broadcast to one shape -> y of that shape
Types    int8, uint8, int16, quantized; int16 also without quantization; int32, int64, float16, float32
Scales   any, as long as 2 max(s_1, s_2) < 2^20 s_y (2^15 for int16); int16: zero point 0, and with the option pot_scale_int16
         and all scales powers of two: sums of shifted operands, one of them at the output's scale, no broadcast
Source   8-bit quantization specification, ADD; facts verified in tests/ops/test_add.py
"""

from __future__ import annotations

import numpy as np

from qref.schema.enums import TensorType

from ._elementwise import QUANTIZED_TYPES, PlainPlan, clamp, operands, plain_plan
from ._formulas import CLAMP, LIMITS, explain_by
from ._sum import prepare_sum
from .node import Node, Prepared

PLAIN_TYPES = (TensorType.INT32, TensorType.INT64, TensorType.FLOAT16, TensorType.FLOAT32)


def prepare(node: Node) -> Prepared:
    """Check the operands and derive the plan."""
    x1, x2 = operands(node, *QUANTIZED_TYPES, *PLAIN_TYPES)
    unquantized_int16 = x1.type == TensorType.INT16 and x1.quantization is x2.quantization is node.output().quantization is None
    if x1.type in PLAIN_TYPES or unquantized_int16:
        return Prepared(add, plain_plan(node, x1.dtype), explain_by(("result", "T(x1 + x2)", ""), *CLAMP, **LIMITS))
    return prepare_sum(node, x1, x2, +1)


@np.errstate(all="ignore")
def add(x1: np.ndarray, x2: np.ndarray, plan: PlainPlan) -> np.ndarray:
    """Return y = clamp(x1 + x2); integers wrap."""
    return clamp(np.add(x1, x2), plan.low, plan.high)
