"""ROUND: y = the nearest integer to x, ties to even.

Layout   x [...] -> y [...]
Types    float32; float16 is computed in float32 and rounded
Note     not registered in BUILTIN_REF of ai-edge-litert 2.3.0: compared with its optimized kernel
Source   LiteRT, round.cc; facts verified in tests/ops/test_unary.py
"""

from __future__ import annotations

import numpy as np

from ._formulas import explain_by
from ._function_formulas import ROUND
from ._unary import FLOAT, operands, prepare_function
from .node import Node, Prepared


def prepare(node: Node) -> Prepared:
    """Check the operands."""
    operands(node, *FLOAT)
    return prepare_function(round_half_even, explain_by(*ROUND))


def round_half_even(x: np.ndarray) -> np.ndarray:
    """Return y[i] = floor(x[i]), or one more where x[i] is nearer to that; so -0.5 gives +0, which `rint` gives a sign."""
    whole = np.floor(x)
    part = x - whole
    return np.where((part > 0.5) | ((part == 0.5) & (np.fmod(whole, 2) != 0)), whole + np.float32(1), whole)
