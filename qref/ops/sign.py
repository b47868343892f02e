"""SIGN: y = -1, 0 or 1; NaN gives NaN.

Layout   x [...] -> y [...]
Types    float32, float64, int32
Source   LiteRT, sign.cc; facts verified in tests/ops/test_unary.py
"""

from __future__ import annotations

import numpy as np

from qref.schema.enums import TensorType

from ._formulas import explain_by
from ._unary import AsIs, operands
from .node import Node, Prepared


def prepare(node: Node) -> Prepared:
    """Check the operands."""
    operands(node, TensorType.FLOAT32, TensorType.FLOAT64, TensorType.INT32)
    return Prepared(sign, AsIs(), explain_by(("y", "1 if x > 0 else -1 if x < 0 else x", "NaN and zeros stay")))


def sign(x: np.ndarray, plan: AsIs) -> np.ndarray:
    """Return y[i] = (x[i] > 0) - (x[i] < 0)."""
    with np.errstate(invalid="ignore"):
        return np.asarray(np.sign(x))
