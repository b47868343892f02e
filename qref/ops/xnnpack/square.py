"""SQUARE of XNNPACK: denormals are flushed to zero.

Types    float32; other types are left to the optimized kernels
Source   XNNPACK; facts verified in tests/ops/test_unary_xnnpack.py
"""

from __future__ import annotations

from .. import square as base
from ..node import Node, Prepared
from . import _function_formulas as formulas
from ._functions import square
from ._unary import prepare_float32


def prepare(node: Node) -> Prepared | None:
    """Check the operands of a node that the delegate takes."""
    return prepare_float32(node, base.prepare, square, formulas.formula("float32(v * v)"))
