"""XNNPACK's rounding of 8-bit accumulators, shared by the matmul family: one float32 product, ties to even."""

from __future__ import annotations

import numpy as np

from qref.arithmetic.activation import activation_range_xnnpack
from qref.arithmetic.requantize import Float32HalfEven
from qref.ops._matmul import with_plan
from qref.ops.node import Node, Operand, Prepared

GREATEST_SCALE = 256


def requantized(node: Node, prepared: Prepared, x: Operand, w: Operand) -> Prepared:
    """The operator prepared for the reference, with XNNPACK's effective scale, rule and activation limits instead.

    effective_scale = float32(float32(s_x * s_w) / s_y)
    """
    y = node.output()
    with np.errstate(all="ignore"):
        scale = x.scale * w.scales / y.scale
    node.expect(
        (scale < GREATEST_SCALE).all(), f"s_x * s_w / s_y is {scale.max():g}; XNNPACK computes with less than {GREATEST_SCALE}"
    )
    qmin, qmax = activation_range_xnnpack(node.activation, y.dtype, float(y.scale), y.zero_point)
    return with_plan(prepared, requantize=Float32HalfEven.of(scale), output_activation_min=qmin, output_activation_max=qmax)
