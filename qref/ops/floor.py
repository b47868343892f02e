"""FLOOR: y = the greatest integer not above x.

Layout   x [...] -> y [...]
Types    float32; float16 is computed in float32 and rounded
Source   LiteRT, floor.cc; facts verified in tests/ops/test_unary.py
"""

from __future__ import annotations

import numpy as np

from ._formulas import explain_by
from ._function_formulas import FLOOR
from ._unary import FLOAT, operands, prepare_function
from .node import Node, Prepared


def prepare(node: Node) -> Prepared:
    """Check the operands."""
    operands(node, *FLOAT)
    return prepare_function(np.floor, explain_by(*FLOOR))
