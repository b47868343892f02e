"""LOG: y = ln x.

Layout   x [...] -> y [...]
Types    float32, by the C library's logf; int8, by table; int16, by interpolated table
         quantized x <= 0 gives the least value that the output can hold
Scales   any; int16: zero points 0
Source   LiteRT, elementwise.cc; facts verified in tests/ops/test_unary.py and test_unary_quantized.py
"""

from __future__ import annotations

import numpy as np

from qref.arithmetic.libm import logf
from qref.arithmetic.lookup_table import log_or
from qref.schema.enums import TensorType

from . import _function_formulas as formulas
from ._formulas import explain_by
from ._unary import expect_symmetric, operands, prepare_function, prepare_table
from .node import Node, Prepared


def prepare(node: Node) -> Prepared:
    """Check the operands and make the table."""
    x, y = operands(node, TensorType.FLOAT32, TensorType.INT8, TensorType.INT16)
    if x.type == TensorType.FLOAT32:
        return prepare_function(logf, explain_by(*formulas.LOG))
    if x.type == TensorType.INT16:
        expect_symmetric(node, x, y)
    with np.errstate(over="ignore"):
        lowest = np.float32(np.iinfo(y.dtype).min - y.zero_point) * y.scale
    return prepare_table(node, x, y, log_or(lowest), formulas.log_or(lowest))
