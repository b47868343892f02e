"""COS of XNNPACK: the sine of pi / 2 - x.

Types    float32; float16 (_half.py); other types are left to the optimized kernels
Note     float16 on CPUs with AVX512-FP16; on others XNNPACK has kernels that are not here, and the optimized rule stands in
Source   XNNPACK; facts verified in tests/ops/test_unary_xnnpack.py
"""

from __future__ import annotations

from .. import cos as base
from ..node import Node, Prepared
from . import _function_formulas as formulas
from . import _half, _half_formulas
from ._cpu import has_avx512_fp16
from ._delegate import is_float16
from ._functions import cos
from ._unary import prepare_float16, prepare_float32


def prepare(node: Node) -> Prepared | None:
    """Check the operands of a node that the delegate takes."""
    if has_avx512_fp16() and is_float16(node.input(0)):
        return prepare_float16(node, base.prepare, _half.cos, _half_formulas.cos)
    return prepare_float32(node, base.prepare, cos, formulas.cos)
