"""EXP: y = e^x.

Layout   x [...] -> y [...]
Types    float32, by the C library's expf; int8, by table; int16, by interpolated table
Scales   any; int16: zero points 0
Source   LiteRT, exp.cc; facts verified in tests/ops/test_unary.py and test_unary_quantized.py
"""

from __future__ import annotations

from qref.arithmetic.libm import expf
from qref.schema.enums import TensorType

from ._formulas import explain_by
from ._function_formulas import EXP
from ._unary import expect_symmetric, operands, prepare_function, prepare_table
from .node import Node, Prepared


def prepare(node: Node) -> Prepared:
    """Check the operands and make the table."""
    x, y = operands(node, TensorType.FLOAT32, TensorType.INT8, TensorType.INT16)
    if x.type == TensorType.FLOAT32:
        return prepare_function(expf, explain_by(*EXP))
    if x.type == TensorType.INT16:
        expect_symmetric(node, x, y)
    return prepare_table(node, x, y, expf, EXP)
