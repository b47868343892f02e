"""FLOOR_DIV: y = floor(x1 / x2).

Layout   x1, x2 that broadcast to one shape -> y of that shape
Types    int8, int16, int32, float32; quantized integers are divided as they stand, no scale is looked at
Note     the quotient is a float64; where it does not fit, it wraps (-128 / -1 is -128); a divisor of 0 is an error, float32 too
Source   facts verified in tests/ops/test_floor_div.py
"""

from __future__ import annotations

import numpy as np

from qref.errors import InputError
from qref.schema.enums import TensorType

from ._elementwise import operands
from ._formulas import explain_by
from .node import Node, Prepared


def prepare(node: Node) -> Prepared:
    """Check the operands; the plan is the operator's name, for messages."""
    operands(node, TensorType.INT8, TensorType.INT16, TensorType.INT32, TensorType.FLOAT32)
    quotient = ("quotient", "divide(x1, x2)", "in float64")
    whole = ("whole", "floor(quotient)", "rounded down")
    return Prepared(floor_div, str(node), explain_by(quotient, whole, ("y", "T(whole)", "")))


@np.errstate(all="ignore")
def floor_div(x1: np.ndarray, x2: np.ndarray, plan: str) -> np.ndarray:
    """Return y = floor(float64(x1) / float64(x2))."""
    if not np.all(x2):
        raise InputError(f"{plan}: the divisor holds 0: division by zero; keep the second operand away from it")
    quotient = np.floor(np.asarray(np.divide(x1, x2, dtype=np.float64)))
    return quotient.astype(x1.dtype) if x1.dtype.kind == "f" else quotient.astype(np.int64).astype(x1.dtype)
