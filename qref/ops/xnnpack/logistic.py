"""LOGISTIC of XNNPACK: e / (1 + e), e = exp(-|x|), one polynomial on AVX-512 and another one on AVX2.

Types    float32; float16 (_half.py); int8, uint8, by table, its entries rounded to even after the zero point is added
         other types are left to the optimized kernels
Source   XNNPACK; facts verified in tests/ops/test_unary_xnnpack.py
"""

from __future__ import annotations

from qref.arithmetic.lookup_table import logistic_in_float64

from .. import logistic as base
from .._function_formulas import LOGISTIC_IN_FLOAT64
from ..node import Node, Prepared
from . import _function_formulas as formulas
from . import _half, _half_formulas
from ._cpu import has_avx512
from ._delegate import is_float16
from ._functions import logistic_avx2, logistic_avx512
from ._unary import prepare_float16, prepare_float32_or_table


def prepare(node: Node) -> Prepared | None:
    """Check the operands of a node that the delegate takes."""
    if is_float16(node.input(0)):
        return prepare_float16(node, base.prepare, _half.logistic, _half_formulas.logistic)
    function = logistic_avx512 if has_avx512() else logistic_avx2
    return prepare_float32_or_table(node, base.prepare, (function, formulas.logistic), (logistic_in_float64, LOGISTIC_IN_FLOAT64))
