"""GELU of XNNPACK: quotients of polynomials by fused multiply-add.

Types    float32; other types are left to the optimized kernels
Source   XNNPACK; facts verified in tests/ops/test_unary_xnnpack.py
"""

from __future__ import annotations

from .. import gelu as base
from ..node import Node, Prepared
from . import _function_formulas as formulas
from ._functions import gelu, gelu_approximate
from ._unary import prepare_float32


def prepare(node: Node) -> Prepared | None:
    """Check the operands of a node that the delegate takes."""
    approximate = bool(node.options.get("approximate", False))
    if approximate:
        return prepare_float32(node, base.prepare, gelu_approximate, formulas.gelu_approximate)
    return prepare_float32(node, base.prepare, gelu, formulas.gelu)
