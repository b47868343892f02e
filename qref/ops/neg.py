"""NEG: y = -x.

Layout   x [...] -> y [...]
Types    float32, float16, int8, int16, int32, int64; the least integer stays itself, as in C
Scales   ignored: the stored integer is negated, which is the real number only where both zero points are 0 and the scales equal
Source   LiteRT, neg.cc; facts verified in tests/ops/test_unary.py
"""

from __future__ import annotations

import numpy as np

from qref.schema.enums import TensorType

from ._formulas import explain_by
from ._unary import FLOAT, AsIs, operands
from .node import Node, Prepared


def prepare(node: Node) -> Prepared:
    """Check the operands."""
    operands(node, *FLOAT, TensorType.INT8, TensorType.INT16, TensorType.INT32, TensorType.INT64)
    return Prepared(negative, AsIs(), explain_by(("y", "T(-x)", "")))


def negative(x: np.ndarray, plan: AsIs) -> np.ndarray:
    """Return y[i] = -x[i]."""
    return np.asarray(-x)
