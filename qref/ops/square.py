"""SQUARE: y = x * x in float32.

Layout   x [...] -> y [...]
Types    float32
Source   LiteRT, elementwise.cc; facts verified in tests/ops/test_unary.py
"""

from __future__ import annotations

import numpy as np

from qref.schema.enums import TensorType

from ._formulas import explain_by
from ._function_formulas import SQUARE
from ._unary import operands, prepare_function
from .node import Node, Prepared


def prepare(node: Node) -> Prepared:
    """Check the operands."""
    operands(node, TensorType.FLOAT32)
    return prepare_function(np.square, explain_by(*SQUARE))
