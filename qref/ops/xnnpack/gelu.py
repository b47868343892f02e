"""GELU of XNNPACK: quotients of polynomials by fused multiply-add.

Types    float32; float16 (_half.py); other types are left to the optimized kernels
Note     approximate, float16 on CPUs with AVX512-FP16; on others XNNPACK has a kernel that is not here, and the optimized rule
         stands in
Source   XNNPACK; facts verified in tests/ops/test_unary_xnnpack.py
"""

from __future__ import annotations

from .. import gelu as base
from ..node import Node, Prepared
from . import _function_formulas as formulas
from . import _half, _half_formulas
from ._cpu import has_avx512_fp16
from ._delegate import is_float16
from ._functions import gelu, gelu_approximate
from ._unary import prepare_float16, prepare_float32


def prepare(node: Node) -> Prepared | None:
    """Check the operands of a node that the delegate takes."""
    approximate = bool(node.options.get("approximate", False))
    if is_float16(node.input(0)) and not approximate:
        return prepare_float16(node, base.prepare, _half.gelu, _half_formulas.gelu)
    if is_float16(node.input(0)) and has_avx512_fp16():
        return prepare_float16(node, base.prepare, _half.gelu_approximate, _half_formulas.gelu_approximate)
    if approximate:
        return prepare_float32(node, base.prepare, gelu_approximate, formulas.gelu_approximate)
    return prepare_float32(node, base.prepare, gelu, formulas.gelu)
