"""COS: y = cos(x), the C library's float function.

Layout   x [...] -> y [...]
Types    float32; float16 is computed in float32 and rounded
Source   LiteRT, elementwise.cc; facts verified in tests/ops/test_unary.py
"""

from __future__ import annotations

from qref.arithmetic.libm import cosf

from ._formulas import explain_by
from ._function_formulas import COS
from ._unary import FLOAT, operands, prepare_function
from .node import Node, Prepared


def prepare(node: Node) -> Prepared:
    """Check the operands."""
    operands(node, *FLOAT)
    return prepare_function(cosf, explain_by(*COS))
