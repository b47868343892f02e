"""STABLEHLO_AND: y = a and b, bit by bit.

Layout   a [...], b [...] -> y; all alike, nothing is broadcast
Types    bool, int8, uint8, int16, uint16, int32, uint32, int64; all alike

LiteRT's reference kernels lack this operator; its optimized kernels have it, and what follows are their results.
"""

from __future__ import annotations

import numpy as np

from qref.schema.enums import TensorType

from ._elementwise import WORD_TYPES
from ._stablehlo import prepare_elementwise
from .node import Node, Prepared


def prepare(node: Node) -> Prepared:
    """Check the operands."""
    return prepare_elementwise(node, np.bitwise_and, "bit_and(x1, x2)", TensorType.BOOL, *WORD_TYPES, TensorType.INT64)
