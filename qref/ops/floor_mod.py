"""FLOOR_MOD: y = x1 - floor(x1 / x2) * x2, with the sign of x2.

Layout   x1, x2 that broadcast to one shape -> y of that shape
Types    int8, int16, int32, int64, float32; quantized integers are taken as they stand, no scale is looked at
Note     y is C's remainder, plus x2 where the signs of both differ. An integer divisor of 0 is an error, a float32 one gives NaN;
         -2^31 modulo -1 (-2^63 in int64) ends the process in LiteRT and is an error here
Source   facts verified in tests/ops/test_floor_mod.py
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
    operands(node, TensorType.INT8, TensorType.INT16, TensorType.INT32, TensorType.INT64, TensorType.FLOAT32)
    exact = "fmod(x1, x2)" if node.input(0).type == TensorType.FLOAT32 else "x1 - toward_zero(x1, x2) * x2"
    remainder = ("remainder", exact, "of the division rounded towards zero, exact")
    y = ("y", "T(remainder + x2) if remainder * x2 < 0 else remainder", "with the sign of the divisor")
    return Prepared(floor_mod, str(node), explain_by(remainder, y))


@np.errstate(all="ignore")
def floor_mod(x1: np.ndarray, x2: np.ndarray, plan: str) -> np.ndarray:
    """Return y = r + (r != 0 and sign(r) != sign(x2) ? x2 : 0), r = C's remainder of x1 / x2."""
    if x1.dtype.kind != "f":
        if not np.all(x2):
            raise InputError(f"{plan}: the divisor holds 0: division by zero; keep the second operand away from it")
        least = np.iinfo(x1.dtype).min
        if x1.dtype.itemsize >= 4 and np.any((x1 == least) & (x2 == -1)):
            raise InputError(f"{plan}: {least} modulo -1 overflows; keep the operands away from it")
    remainder = np.fmod(x1, x2)
    return np.where((remainder != 0) & ((x2 < 0) != (remainder < 0)), remainder + x2, remainder)
