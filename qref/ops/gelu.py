"""GELU: y = x * P(X <= x), X normal; with `approximate` y = x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3))).

Layout   x [...] -> y [...]
Types    float32, by Eigen's functions (_gelu.py); float16, by the C library's, every step rounded to float16
         int8, uint8, by table of the C library's functions; int16, by interpolated table
Scales   any
Source   LiteRT, activations.cc, reference/gelu.h; facts verified in tests/ops/test_unary.py and test_unary_quantized.py
"""

from __future__ import annotations

from qref.arithmetic import lookup_table
from qref.schema.enums import TensorType

from . import _function_formulas as formulas
from ._formulas import explain_by, explain_in_packets, explain_steps
from ._gelu import gelu, gelu_approximate, gelu_approximate_float16, gelu_float16
from ._unary import FLOAT, QUANTIZED_8BIT, operands, prepare_function, prepare_table
from .node import Node, Prepared


def prepare(node: Node) -> Prepared:
    """Check the operands and make the table."""
    x, y = operands(node, *FLOAT, *QUANTIZED_8BIT, TensorType.INT16)
    approximate = bool(node.options.get("approximate", False))
    if x.type == TensorType.FLOAT32:
        if approximate:
            return prepare_function(gelu_approximate, explain_steps(formulas.eigen_gelu_approximate))
        return prepare_function(gelu, explain_in_packets(formulas.eigen_gelu, formulas.eigen_gelu_tail))
    if x.type == TensorType.FLOAT16:
        if approximate:
            return prepare_function(gelu_approximate_float16, explain_by(*formulas.GELU_APPROXIMATE_FLOAT16))
        return prepare_function(gelu_float16, explain_by(*formulas.GELU_FLOAT16))
    if approximate:
        return prepare_table(node, x, y, lookup_table.gelu_approximate, formulas.GELU_APPROXIMATE_OF_TABLE)
    return prepare_table(node, x, y, lookup_table.gelu, formulas.GELU_OF_TABLE)
