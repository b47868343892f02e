"""CEIL: y = the least integer not below x.

Layout   x [...] -> y [...]
Types    float32
Note     not registered in BUILTIN_REF of ai-edge-litert 2.3.0: compared with its optimized kernel
Source   LiteRT, ceil.cc; facts verified in tests/ops/test_unary.py
"""

from __future__ import annotations

import numpy as np

from qref.schema.enums import TensorType

from ._formulas import explain_by
from ._function_formulas import CEIL
from ._unary import operands, prepare_function
from .node import Node, Prepared


def prepare(node: Node) -> Prepared:
    """Check the operands."""
    operands(node, TensorType.FLOAT32)
    return prepare_function(np.ceil, explain_by(*CEIL))
