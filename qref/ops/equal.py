"""EQUAL: y = x1 == x2.

Layout   x1, x2 that broadcast to one shape -> y bool of that shape
Types    int8, uint8, int16, quantized; int16 plain; int32, int64, float16, float32, bool
Scales   int8, uint8, quantized int16: below 1, and above 1 with signs alone; see _comparison.py
Source   facts verified in tests/ops/test_comparisons.py
"""

from __future__ import annotations

import numpy as np

from qref.schema.enums import TensorType

from ._comparison import prepare_comparison
from ._elementwise import ORDERED_TYPES, QUANTIZED_TYPES
from .node import Node, Prepared


def prepare(node: Node) -> Prepared:
    """Check the operands and derive the plan."""
    return prepare_comparison(node, np.equal, (*ORDERED_TYPES, TensorType.BOOL), QUANTIZED_TYPES)
