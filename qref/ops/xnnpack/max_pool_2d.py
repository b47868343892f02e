"""MAX_POOL_2D of XNNPACK: y = act(greatest of a window), over its taps inside the image.

Types    float32, denormals flushed to zero; int8, uint8, whose results are those of the reference
Scales   of x and y alike for int8 and uint8: the delegate refuses a model where they differ
Source   XNNPACK, src/f32-maxpool; facts verified in tests/ops/test_pooling_xnnpack.py
"""

from __future__ import annotations

import numpy as np

from qref.arithmetic.explanation import Explanation
from qref.arithmetic.fused import flush_denormals

from .. import max_pool_2d as base
from .._explain import explain_clamp
from .._pooling import PoolPlan, taps_of
from ..node import Node, Prepared
from ._delegate import is_float32, is_q8
from ._pooling import expect_same_quantization, takes_window


def prepare(node: Node) -> Prepared | None:
    """Check the operands of a node that the delegate takes."""
    x, y = node.input(0), node.output()
    if not takes_window(node):
        return None
    if is_float32(x) and is_float32(y):
        return Prepared(max_pool_2d_float32, base.prepare(node).plan, explain)
    if is_q8(x) and is_q8(y):
        expect_same_quantization(node, x, y)
    return None


def max_pool_2d_float32(x: np.ndarray, plan: PoolPlan) -> np.ndarray:
    """Return y float32."""
    return base.max_pool_2d(flush_denormals(x), plan)


def explain(x: np.ndarray, plan: PoolPlan, element: tuple[int, ...]) -> Explanation:
    """Explain y[element]."""
    e = Explanation()
    e.given("x", taps_of(x, plan, element), "the inputs inside the window and the image, row after row")
    e.given("lowest", base.lowest(x.dtype), "with which a window begins: the least finite number of the type")
    e.derive("v", "flush(x)", "denormals count as zeros")
    e.derive("greatest", "greatest_of(v, lowest)", "NaN is never greater")
    explain_clamp(e, "greatest", plan.low, plan.high, "real")
    return e
