"""RIGHT_SHIFT: y = x1 >> x2, arithmetic for signed types.

Layout   x1, x2 that broadcast to one shape -> y of that shape
Types    int8, uint8, int16, uint16, int32, uint32; no scale is looked at
Note     counts are clamped to 0 and the number of bits less one
Source   facts verified in tests/ops/test_bitwise.py
"""

from __future__ import annotations

import numpy as np

from ._elementwise import WORD_TYPES, operands
from ._formulas import explain_by
from .node import Node, Prepared


def prepare(node: Node) -> Prepared:
    """Check the operands."""
    operands(node, *WORD_TYPES)
    bits = 8 * node.input(0).dtype.itemsize
    count = ("count", f"clamp(x2, 0, {bits - 1})", "bits to the right")
    return Prepared(right_shift, None, explain_by(count, ("y", "x1 // 2**count", "rounded down")))


def right_shift(x1: np.ndarray, x2: np.ndarray, plan: None) -> np.ndarray:
    """Return y = x1 >> min(max(x2, 0), bits - 1)."""
    count = np.clip(x2, 0, 8 * x1.dtype.itemsize - 1).astype(x1.dtype)
    return np.asarray(np.right_shift(x1, count))
