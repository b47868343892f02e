"""ATAN2: y = the angle of the point (x, y), in (-pi, pi].

Layout   y, x of one shape -> angle of that shape
Types    float32, float64 by the C library's atan2; float16 by way of float32
Source   facts verified in tests/ops/test_atan2.py
"""

from __future__ import annotations

import numpy as np

from qref.arithmetic import libm
from qref.schema.enums import TensorType

from ._elementwise import check_counts, check_same_type
from ._formulas import explain_by
from .node import Node, Prepared


def prepare(node: Node) -> Prepared:
    """Check the operands."""
    check_counts(node, 2)
    y, x, angle = node.input(0), node.input(1), node.output()
    node.expect_type(y, TensorType.FLOAT16, TensorType.FLOAT32, TensorType.FLOAT64)
    check_same_type(node, y, x, angle)
    node.expect(y.shape == x.shape, f"shapes {list(y.shape)} and {list(x.shape)}; expected equal ones: ATAN2 does not broadcast")
    node.resize(0, y.shape)
    return Prepared(
        atan2,
        None,
        explain_by(("angle", "atan2(x1, x2)" if y.type == TensorType.FLOAT64 else "atan2f(x1, x2)", ""), ("y", "T(angle)", "")),
    )


def atan2(y: np.ndarray, x: np.ndarray, plan: None) -> np.ndarray:
    """Return the angle of (x, y)."""
    if y.dtype == np.float64:
        return np.asarray(libm.atan2(y, x))
    return np.asarray(libm.atan2f(y.astype(np.float32), x.astype(np.float32))).astype(y.dtype)
