"""SUB: y = act(x1 - x2).

Layout   x1, x2 that broadcast to one shape -> y of that shape
Types    int8, uint8, int16, quantized; int32, int64, float32
Scales   as ADD; with pot_scale_int16 operands broadcast too
Note     where 2 max(s_1, s_2) is 1 to 2 times 2^20 s_y (2^15 for int16) LiteRT shifts by -1, and y is only the sign of x1 - x2;
         above, its result depends on where in memory an element lies, and is refused here
Source   facts verified in tests/ops/test_sub.py
"""

from __future__ import annotations

import numpy as np

from qref.schema.enums import TensorType

from ._elementwise import QUANTIZED_TYPES, PlainPlan, clamp, operands, plain_plan
from ._formulas import CLAMP, LIMITS, explain_by
from ._sum import prepare_sum
from .node import Node, Prepared


def prepare(node: Node) -> Prepared:
    """Check the operands and derive the plan."""
    x1, x2 = operands(node, *QUANTIZED_TYPES, TensorType.INT32, TensorType.INT64, TensorType.FLOAT32)
    if x1.type in QUANTIZED_TYPES:
        return prepare_sum(node, x1, x2, -1)
    return Prepared(sub, plain_plan(node, x1.dtype), explain_by(("result", "T(x1 - x2)", ""), *CLAMP, **LIMITS))


@np.errstate(all="ignore")
def sub(x1: np.ndarray, x2: np.ndarray, plan: PlainPlan) -> np.ndarray:
    """Return y = clamp(x1 - x2); integers wrap."""
    return clamp(np.subtract(x1, x2), plan.low, plan.high)
