"""BITWISE_XOR: y = x1 xor x2, bit by bit.

Layout   x1, x2 that broadcast to one shape -> y of that shape
Types    int8, uint8, int16, uint16, int32, uint32; no scale is looked at
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
    return Prepared(bitwise_xor, None, explain_by(("y", "x1 + x2 - 2 * bit_and(x1, x2)", "the bits in which they differ")))


def bitwise_xor(x1: np.ndarray, x2: np.ndarray, plan: None) -> np.ndarray:
    """Return y = x1 xor x2."""
    return np.asarray(np.bitwise_xor(x1, x2))
