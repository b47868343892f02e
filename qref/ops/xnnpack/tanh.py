"""TANH of XNNPACK: a quotient of polynomials by fused multiply-add.

Types    float32; int8, uint8, by table, its entries rounded to even after the zero point is added
         other types are left to the optimized kernels
Source   XNNPACK; facts verified in tests/ops/test_unary_xnnpack.py
"""

from __future__ import annotations

from qref.arithmetic.libm import tanhf

from .. import tanh as base
from .._function_formulas import TANH
from ..node import Node, Prepared
from . import _function_formulas as formulas
from ._functions import tanh
from ._unary import prepare_float32_or_table


def prepare(node: Node) -> Prepared | None:
    """Check the operands of a node that the delegate takes."""
    return prepare_float32_or_table(node, base.prepare, (tanh, formulas.tanh), (tanhf, TANH))
