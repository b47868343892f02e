"""CONV_2D as XNNPACK computes it: 8-bit accumulators are brought to the output's scale in float32.

Types    x, y int8; w int8; b int32         x, y uint8; w uint8; b int32
         x, w, y float32: sums over ky, kx, c; with as many groups as channels in and out, as DEPTHWISE_CONV_2D
         x, y float32; w int8: each image is quantized to int8 on the fly, or each pixel with filters of 1 x 1 and stride 1
Left     to LiteRT's optimized kernels: int16, int4 weights, weights or bias that are no constants
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from qref.arithmetic.explanation import Explanation
from qref.arithmetic.fused import flush_denormals, flushed_fma
from qref.ops import conv_2d as base
from qref.ops._convolution import Axis, depthwise_convolution, integer_convolution, sequential_convolution
from qref.ops._explain_windows import values
from qref.ops.node import Node, Prepared
from qref.schema.enums import TensorType

from ._delegate import are_weights, has_plain_activation, has_rank, is_bias, is_float32, is_float_or_q8, is_static
from ._dynamic import DynamicPlan, dynamic_plan, finish, quantize_rows
from ._explain import explain_dynamic, explain_dynamic_image, explain_fused
from ._fused import bordered, fused, start_of
from ._requantize import requantized

MOST_TAPS = 25  # of a depthwise kernel that runs down the columns of the filter; larger filters run along its rows


@dataclass(frozen=True, slots=True)
class ConvDynamicPlan:
    """The form with int8 weights: scales and limits, windows, and what is quantized as one."""

    common: DynamicPlan
    axes: tuple[Axis, ...]
    groups: int
    by_pixel: bool  # each pixel on its own, where the filter has one tap and moves by one; else each image


def prepare(node: Node) -> Prepared | None:
    """Check the operands and derive the plan; None if the delegate leaves the node."""
    if not _is_delegated(node):
        return None
    prepared = base.prepare(node)
    if isinstance(prepared.plan, base.ConvPlan):
        return requantized(node, prepared, node.input(0), node.input(1))
    if isinstance(prepared.plan, base.Float32Plan):
        return fused(node, prepared, conv_2d_float32, explain_float32)
    common = dynamic_plan(node, node.input(1))
    by_pixel = all(axis.filter_size == axis.stride == 1 and axis.padding == 0 for axis in prepared.plan.axes)
    return Prepared(
        conv_2d_dynamic, ConvDynamicPlan(common, prepared.plan.axes, prepared.plan.groups, by_pixel), explain_dynamic_form
    )


def _is_delegated(node: Node) -> bool:
    if len(node.inputs) != 3:
        return False
    x, w, b, y = node.input(0), node.input(1), node.input(2, optional=True), node.output()
    if not (is_float_or_q8(x) and is_float_or_q8(y) and x.type == y.type and has_plain_activation(node)):
        return False
    dynamic = is_float32(x) and w.type == TensorType.INT8 and is_float32(b)
    if x.type != w.type and not dynamic:
        return False
    if not all(has_rank(operand, 4, 4) for operand in (x, w, y)) or x.tensor.shape[3] < w.shape[3]:
        return False
    return are_weights(w, 0) and is_static(node, w) and is_bias(node, b)


def conv_2d_float32(x: np.ndarray, w: np.ndarray, b: np.ndarray, plan: base.Float32Plan) -> np.ndarray:
    """Return y [B, OH, OW, O] float32: fused multiply-adds over ky, kx, c from the bias on, zeros outside, then the clamp."""
    (x, plan), w = bordered(flush_denormals(x), plan), flush_denormals(w)
    if is_depthwise(w, plan):
        weights = np.moveaxis(w, 0, -1)[..., 0, :]
        acc = depthwise_convolution(
            x, weights, plan.axes, 1, start=start_of(b), step=flushed_fma, column_major=weights[..., 0].size <= MOST_TAPS
        )
    else:
        acc = sequential_convolution(x, w, plan.axes, plan.groups, start=start_of(b), step=flushed_fma)
    return np.clip(acc, plan.low, plan.high)


def explain_float32(x: np.ndarray, w: np.ndarray, b: np.ndarray, plan: base.Float32Plan, element: tuple[int, ...]) -> Explanation:
    """Explain y[element] of the float32 form."""
    column_major = is_depthwise(w, plan) and w[0].size <= MOST_TAPS
    x, plan = bordered(x, plan)
    return explain_fused(values(x, w, base.meetings(w, plan, element, column_major=column_major)), b, plan, element[-1])


def is_depthwise(w: np.ndarray, plan: base.Float32Plan) -> bool:
    """Whether every group has one channel in and one out."""
    return w.shape[3] == 1 and plan.groups == len(w)


def conv_2d_dynamic(x: np.ndarray, w: np.ndarray, b: np.ndarray, plan: ConvDynamicPlan) -> np.ndarray:
    """Return y [B, OH, OW, O] float32 from float32 x and int8 w, images or pixels of x quantized to int8."""
    rows = x.reshape(-1, x.shape[-1]) if plan.by_pixel else x.reshape(len(x), math.prod(x.shape[1:]))
    q, scale = quantize_rows(rows)
    acc = integer_convolution(q.reshape(x.shape), w, plan.axes, plan.groups)
    return finish(acc, scale.reshape(*x.shape[:3], 1) if plan.by_pixel else scale.reshape(-1, 1, 1, 1), b, plan.common)


def explain_dynamic_form(
    x: np.ndarray, w: np.ndarray, b: np.ndarray, plan: ConvDynamicPlan, element: tuple[int, ...]
) -> Explanation:
    """Explain y[element] of the form with int8 weights."""
    meetings = base.meetings(w, plan, element)
    if not plan.by_pixel:
        return explain_dynamic_image(x, w, meetings, b, plan.common, element)
    pixel, weights = x[element[:3]].tolist(), [weight for _, weight in values(x, w, meetings)]
    return explain_dynamic(pixel, [i[-1] for i, _ in meetings], weights, b, plan.common, element[-1])
