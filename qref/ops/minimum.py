"""MINIMUM: the lesser of x1 and x2, as it stands: no scale is looked at.

Layout   x1, x2 that broadcast to one shape -> y of that shape
Types    int8, uint8, int16, int32, int64, float16, float32
Scales   those of x1, x2 and y must be equal for the result to mean anything; they are not checked
Note     y = x1 < x2 ? x1 : x2, so that a NaN in x2 stays and one in x1 does not
Source   facts verified in tests/ops/test_maximum_minimum.py
"""

from __future__ import annotations

import numpy as np

from ._elementwise import ORDERED_TYPES, operands
from ._formulas import explain_by
from .node import Node, Prepared


def prepare(node: Node) -> Prepared:
    """Check the operands."""
    operands(node, *ORDERED_TYPES)
    return Prepared(minimum, None, explain_by(("y", "x1 if x1 < x2 else x2", "the lesser one, as it is stored")))


@np.errstate(invalid="ignore")
def minimum(x1: np.ndarray, x2: np.ndarray, plan: None) -> np.ndarray:
    """Return y = x1 < x2 ? x1 : x2."""
    return np.where(x1 < x2, x1, x2)
