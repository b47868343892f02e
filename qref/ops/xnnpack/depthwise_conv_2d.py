"""DEPTHWISE_CONV_2D as XNNPACK computes it: 8-bit accumulators are brought to the output's scale in float32.

Types    x, y int8; w int8; b int32         x, y uint8; w uint8; b int32
         x, w, y float32: taps down the columns of a filter of 25 or less with multiplier 1, else along its rows
Left     to LiteRT's optimized kernels: int16, int4 weights, float32 with int8 weights, weights or bias that are no constants
"""

from __future__ import annotations

import numpy as np

from qref.arithmetic.explanation import Explanation
from qref.arithmetic.fused import flush_denormals, flushed_fma
from qref.ops import depthwise_conv_2d as base
from qref.ops._convolution import depthwise_convolution
from qref.ops._explain_windows import values
from qref.ops.node import Node, Prepared

from ._delegate import are_weights, has_plain_activation, has_rank, is_bias, is_float_or_q8, is_static
from ._explain import explain_fused
from ._fused import bordered, fused, start_of
from ._requantize import requantized
from .conv_2d import MOST_TAPS


def prepare(node: Node) -> Prepared | None:
    """Check the operands and derive the plan; None if the delegate leaves the node."""
    if not _is_delegated(node):
        return None
    prepared = base.prepare(node)
    if isinstance(prepared.plan, base.DepthwiseConvPlan):
        return requantized(node, prepared, node.input(0), node.input(1))
    if isinstance(prepared.plan, base.Float32Plan):
        return fused(node, prepared, depthwise_conv_2d_float32, explain_float32)
    return None


def _is_delegated(node: Node) -> bool:
    if len(node.inputs) != 3:
        return False
    x, w, b, y = node.input(0), node.input(1), node.input(2, optional=True), node.output()
    if not (is_float_or_q8(x) and is_float_or_q8(y) and x.type == y.type == w.type and has_plain_activation(node)):
        return False
    multiplier = node.options.get("depth_multiplier", 0)
    if not all(has_rank(operand, 4, 4) for operand in (x, w, y)) or multiplier <= 0 or w.shape[3] % multiplier:
        return False
    return are_weights(w, 3) and is_static(node, w) and is_bias(node, b)


def depthwise_conv_2d_float32(x: np.ndarray, w: np.ndarray, b: np.ndarray | None, plan: base.Float32Plan) -> np.ndarray:
    """Return y [B, OH, OW, C * M] float32: fused multiply-adds over the taps from the bias on, zeros outside, then the clamp."""
    (x, plan), w = bordered(flush_denormals(x), plan), flush_denormals(w[0])
    acc = depthwise_convolution(
        x, w, plan.axes, plan.depth_multiplier, start=start_of(b), step=flushed_fma, column_major=is_column_major(w, plan)
    )
    return np.clip(acc, plan.low, plan.high)


def is_column_major(w: np.ndarray, plan: base.Float32Plan) -> bool:
    """Whether taps run down the columns of the filter [KH, KW, C]."""
    return plan.depth_multiplier == 1 and w[..., 0].size <= MOST_TAPS


def explain_float32(
    x: np.ndarray, w: np.ndarray, b: np.ndarray | None, plan: base.Float32Plan, element: tuple[int, ...]
) -> Explanation:
    """Explain y[element] of the float32 form."""
    x, plan = bordered(x, plan)
    column_major = plan.depth_multiplier == 1 and w.shape[1] * w.shape[2] <= MOST_TAPS
    return explain_fused(values(x, w, base.meetings(plan, element, column_major=column_major)), b, plan, element[-1])
