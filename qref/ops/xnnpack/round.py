"""ROUND of XNNPACK: ties to even, the sign of zero kept, denormals count as zeros.

Types    float32; float16, denormals too; other types are left to the optimized kernels
Source   XNNPACK; facts verified in tests/ops/test_unary_xnnpack.py
"""

from __future__ import annotations

import numpy as np

from .. import round as base
from .._formulas import explain_by
from .._unary import prepare_function
from ..node import Node, Prepared
from . import _function_formulas as formulas
from ._delegate import has_rank, is_float16
from ._functions import flushing
from ._unary import prepare_float32


def prepare(node: Node) -> Prepared | None:
    """Check the operands of a node that the delegate takes."""
    if is_float16(node.input(0)) and is_float16(node.output()) and has_rank(node.input(0)):
        base.prepare(node)
        return prepare_function(np.rint, explain_by(("y", "copysign(round_half_even(x), x)", "ties to even")))
    return prepare_float32(node, base.prepare, flushing(np.rint), formulas.formula("copysign(round_half_even(v), v)"))
