"""ROUND: y = the nearest integer to x, ties to even.

Layout   x [...] -> y [...]
Types    float32; float16 is computed in float32 and rounded
Note     not registered in BUILTIN_REF of ai-edge-litert 2.3.0: compared with its optimized kernel
Source   LiteRT, round.cc; facts verified in tests/ops/test_unary.py
"""

from __future__ import annotations

import numpy as np

from ._unary import FLOAT, operands, prepare_function
from .node import Node, Prepared


def prepare(node: Node) -> Prepared:
    """Check the operands."""
    operands(node, *FLOAT)
    return prepare_function(np.rint)
