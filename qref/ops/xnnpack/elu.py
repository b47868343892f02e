"""ELU of XNNPACK: x, and exp(x) - 1 below zero, one polynomial on AVX-512 and another one on AVX2.

Types    float32; int8, by table, its entries rounded to even after the zero point is added
         other types are left to the optimized kernels
Source   XNNPACK; facts verified in tests/ops/test_unary_xnnpack.py
"""

from __future__ import annotations

from qref.arithmetic.lookup_table import elu

from .. import elu as base
from .._function_formulas import ELU
from ..node import Node, Prepared
from . import _function_formulas as formulas
from ._cpu import has_avx512
from ._functions import elu_avx2, elu_avx512
from ._unary import prepare_float32_or_table


def prepare(node: Node) -> Prepared | None:
    """Check the operands of a node that the delegate takes."""
    function = elu_avx512 if has_avx512() else elu_avx2
    return prepare_float32_or_table(node, base.prepare, (function, formulas.elu), (elu, ELU))
