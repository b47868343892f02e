"""RSQRT of XNNPACK: one step of Newton's method from the CPU's own approximation of the reciprocal square root.

Types    float32; other types are left to the optimized kernels
Note     known bit by bit for CPUs with AVX-512. Without it the approximation is a table of the CPU's maker: then the result is
         the exact one, rounded, which can differ in the last bit
Source   XNNPACK, src/f32-vrsqrt; facts verified in tests/ops/test_unary_xnnpack.py
"""

from __future__ import annotations

from .. import rsqrt as base
from ..node import Node, Prepared
from . import _function_formulas as formulas
from ._cpu import has_avx512
from ._functions import rsqrt_avx512
from ._unary import prepare_float32


def prepare(node: Node) -> Prepared | None:
    """Check the operands of a node that the delegate takes."""
    return prepare_float32(node, base.prepare, rsqrt_avx512, formulas.rsqrt) if has_avx512() else None
