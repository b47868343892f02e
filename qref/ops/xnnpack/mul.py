"""MUL in XNNPACK.

Layout   x1, x2 of at most six dimensions that broadcast to one shape -> y of that shape
Types    int8, uint8, per tensor, s_1 * s_2 / s_y in [2^-16, 2^8); float32; all else is left to LiteRT
Scales   float32(float32(s_1 * s_2) / s_y) times the product in float32, ties to even
Source   facts verified in tests/ops/test_elementwise_runtimes.py
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from qref.arithmetic.activation import activation_range_xnnpack
from qref.arithmetic.fused import flushed_product
from qref.arithmetic.requantize import Float32HalfEven
from qref.ops import mul as reference
from qref.ops.node import Node, Prepared
from qref.schema.enums import TensorType

from ._delegate import is_float16
from ._float import prepare_float
from ._vadd import is_taken

RATIOS = np.float32(2**-16), np.float32(2**8)


def prepare(node: Node) -> Prepared | None:
    """The reference's plan with XNNPACK's rounding; None for what the delegate leaves."""
    if not is_taken(node) or is_float16(node.input(0)):
        return None
    x1, x2, y = node.input(0), node.input(1), node.output()
    if x1.type == TensorType.FLOAT32:
        return prepare_float(node, flushed_product, ("raw", "float32(v1 * v2)", ""))
    with np.errstate(all="ignore"):
        ratio = x1.scale * x2.scale / y.scale
    if not RATIOS[0] <= ratio < RATIOS[1]:
        return None
    prepared = reference.prepare(node)
    low, high = activation_range_xnnpack(node.activation, y.dtype, float(y.scale), y.zero_point)
    rule = Float32HalfEven.of(ratio)
    plan = replace(prepared.plan, requantize=rule, output_activation_min=low, output_activation_max=high)
    return replace(prepared, plan=plan)
