"""TRANSPOSE_CONV as XNNPACK computes it: 8-bit accumulators are brought to the output's scale in float32.

Types    x, y int8; w int8; b int32         x, y uint8; w uint8; b int32
         x, w, y float32: sums over ky, kx, c
         x, y float32; w int8: each image is quantized to int8 on the fly
Left     to LiteRT's optimized kernels: int16; shape, weights or bias that are no constants
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from qref.arithmetic.explanation import Explanation
from qref.arithmetic.fused import flush_denormals, flushed_fma
from qref.ops import transpose_conv as base
from qref.ops._convolution import Axis, integer_transposed_convolution, sequential_transposed_convolution
from qref.ops._explain_windows import values
from qref.ops.node import Node, Operand, Prepared
from qref.schema.enums import Padding, TensorType

from ._delegate import are_weights, has_plain_activation, has_rank, is_bias, is_float32, is_q8, is_static
from ._dynamic import DynamicPlan, dynamic_plan, finish, quantize_rows
from ._explain import explain_dynamic_image, explain_fused
from ._fused import fused, start_of
from ._requantize import requantized


@dataclass(frozen=True, slots=True)
class TransposeConvDynamicPlan:
    """The form with int8 weights: scales and limits, and windows."""

    common: DynamicPlan
    axes: tuple[Axis, ...]


def prepare(node: Node) -> Prepared | None:
    """Check the operands and derive the plan; None if the delegate leaves the node."""
    if not _is_delegated(node):
        return None
    prepared = base.prepare(node)
    if isinstance(prepared.plan, base.TransposeConvPlan):
        return requantized(node, prepared, node.input(2), node.input(1))
    if isinstance(prepared.plan, base.Float32Plan):
        return fused(node, prepared, transpose_conv_float32, explain_float32)
    plan = TransposeConvDynamicPlan(dynamic_plan(node, node.input(1)), prepared.plan.axes)
    return Prepared(transpose_conv_dynamic, plan, explain_dynamic)


def _is_delegated(node: Node) -> bool:
    shape, w, x, b, y = node.input(0), node.input(1), node.input(2), node.input(3, optional=True), node.output()
    if not all(is_float32(operand) or is_q8(operand) for operand in (x, y)) or x.type != y.type:
        return False
    if x.type != w.type and not (is_float32(x) and w.type == TensorType.INT8):
        return False
    if not (is_static(node, shape) and is_static(node, w) and all(has_rank(operand, 4, 4) for operand in (w, x, y))):
        return False
    if node.options.get("padding", 0) == Padding.SAME and not _strides_fit(node, w):
        return False
    return are_weights(w, 0) and (b is None or is_bias(node, b)) and has_plain_activation(node)


def _strides_fit(node: Node, w: Operand) -> bool:
    """With padding SAME, the delegate takes no stride above the size of the filter."""
    return all(node.options.get(f"stride_{name}", 0) <= size for name, size in zip("hw", w.shape[1:3]))


def transpose_conv_float32(
    shape: np.ndarray, w: np.ndarray, x: np.ndarray, b: np.ndarray | None, plan: base.Float32Plan
) -> np.ndarray:
    """Return y [B, OH, OW, O] float32: fused multiply-adds in ascending ky, kx, c from the bias on, then the clamp."""
    x, w = flush_denormals(x), flush_denormals(w)
    acc = sequential_transposed_convolution(x, w, plan.axes, start=start_of(b), step=flushed_fma, ascending_taps=True)
    return np.clip(acc, plan.low, plan.high)


def transpose_conv_dynamic(
    shape: np.ndarray, w: np.ndarray, x: np.ndarray, b: np.ndarray | None, plan: TransposeConvDynamicPlan
) -> np.ndarray:
    """Return y [B, OH, OW, O] float32 from float32 x and int8 w, each image of x quantized to int8."""
    q, scale = quantize_rows(x.reshape(len(x), math.prod(x.shape[1:])))
    acc = integer_transposed_convolution(q.reshape(x.shape), w, plan.axes)
    return finish(acc, scale.reshape(-1, 1, 1, 1), b, plan.common)


def explain_float32(
    shape: np.ndarray, w: np.ndarray, x: np.ndarray, b: np.ndarray | None, plan: base.Float32Plan, element: tuple[int, ...]
) -> Explanation:
    """Explain y[element] of the float32 form."""
    meetings = base.meetings(w, plan.axes, element, descending=False)
    return explain_fused(values(x, w, meetings), b, plan, element[-1])


def explain_dynamic(
    shape: np.ndarray,
    w: np.ndarray,
    x: np.ndarray,
    b: np.ndarray | None,
    plan: TransposeConvDynamicPlan,
    element: tuple[int, ...],
) -> Explanation:
    """Explain y[element] of the form with int8 weights."""
    return explain_dynamic_image(x, w, base.meetings(w, plan.axes, element), b, plan.common, element)
