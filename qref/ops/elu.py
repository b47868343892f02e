"""ELU: y = x, and exp(x) - 1 below zero.

Layout   x [...] -> y [...]
Types    float32, by the C library's expm1f; int8, by table
Scales   any
Note     not registered in BUILTIN_REF of ai-edge-litert 2.3.0: compared with its optimized kernel, which has the same rule
Source   LiteRT, activations.cc; facts verified in tests/ops/test_unary.py and test_unary_quantized.py
"""

from __future__ import annotations

from qref.arithmetic.lookup_table import elu
from qref.schema.enums import TensorType

from ._formulas import explain_by
from ._function_formulas import ELU
from ._unary import operands, prepare_function, prepare_table
from .node import Node, Prepared


def prepare(node: Node) -> Prepared:
    """Check the operands and make the table."""
    x, y = operands(node, TensorType.FLOAT32, TensorType.INT8)
    return prepare_function(elu, explain_by(*ELU)) if x.type == TensorType.FLOAT32 else prepare_table(node, x, y, elu, ELU)
