"""DEPTHWISE_CONV_2D: y = act(x * w + b), every channel of the image with filters of its own.

Layout   x [B, H, W, C], w [1, KH, KW, C * M], b [C * M] or absent -> y [B, OH, OW, C * M]; channel c * M + m of y sees c of x
Types    x, y int8; w int8, int4; b int32                    accumulates in int32, wrapping
         x, y uint8; w uint8; b int32
         x, y int16; w int8; b int64                         accumulates in int64
         x, y float32; w float32, float16 by way of DEQUANTIZE
         x, y float32; w int8 per axis ("hybrid", dynamic range): each image is quantized to int8 on the fly
Scales   b: s_x * s_w[o], zero point 0;  w: per tensor, or per axis 3 with zero point 0;  int16: zero point 0
M        the depth multiplier, C * M / C. LiteRT reads the option depth_multiplier only for int16 and hybrid inputs, and runs past
         its buffers where it is another number: that is refused here
Source   8-bit quantization specification, DEPTHWISE_CONV_2D; facts verified in tests/ops/test_depthwise_conv_2d.py
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qref.arithmetic.activation import activation_range_float32
from qref.arithmetic.explanation import Explanation
from qref.schema.enums import TensorType

from ._convolution import Axis, depthwise_convolution, expect_rank, resize_to_windows, windows
from ._explain import explain_taps
from ._explain_float import bias_of, explain_float32_output, explain_sequential
from ._explain_hybrid import explain_image, explain_scales
from ._explain_windows import Meeting, taps_on_image, values
from ._matmul import (
    IntegerPlan,
    check_bias,
    check_bias_scale,
    check_channels,
    finish_float32,
    integer_plan,
    requantize_accumulator,
    wrap_accumulator,
)
from .conv_2d import quantize_images_asymmetric
from .node import Node, Prepared, Shape

FILTER_TYPES = {
    TensorType.INT8: (TensorType.INT8, TensorType.INT4),
    TensorType.UINT8: (TensorType.UINT8,),
    TensorType.INT16: (TensorType.INT8,),
    TensorType.FLOAT32: (TensorType.FLOAT32, TensorType.INT8),
}


@dataclass(frozen=True, slots=True)
class DepthwiseConvPlan(IntegerPlan):
    """The integer form: IntegerPlan and where the windows lie."""

    axes: tuple[Axis, ...]  # height, width
    depth_multiplier: int


@dataclass(frozen=True, slots=True)
class Float32Plan:
    """The float32 form: only windows and limits."""

    axes: tuple[Axis, ...]
    depth_multiplier: int
    low: np.float32
    high: np.float32
    output_shape: Shape


@dataclass(frozen=True, slots=True)
class HybridPlan:
    """The dynamic-range form: weights stay quantized, each image is quantized when it is seen."""

    axes: tuple[Axis, ...]
    depth_multiplier: int
    filter_scale: np.ndarray  # float32 [C * M]
    low: np.float32
    high: np.float32
    output_shape: Shape


def prepare(node: Node) -> Prepared:
    """Check the operands and derive the plan."""
    x, w, b, y = node.input(0), node.input(1), node.input(2, optional=True), node.output()
    node.expect(
        b is not None or len(node.operator.inputs) == 2, "the bias is given as absent (-1); leave the third input away instead"
    )
    node.expect_type(x, *FILTER_TYPES)
    node.expect_type(w, *FILTER_TYPES[x.type])
    node.expect_type(y, x.type)
    expect_rank(node, x, "B", "H", "W", "C")
    expect_rank(node, w, "1", "KH", "KW", "C * M")
    node.expect(w.shape[0] == 1, f"filter {w} has shape {list(w.shape)}; expected 1 as its first dimension")
    channels, depth = w.shape[3], x.shape[3]
    fits = depth > 0 and channels % depth == 0
    node.expect(fits, f"filter {w} has {channels} channels; expected a multiple of the {depth} channels of {x}")
    node.expect(b is None or len(b.shape) == 1, f"bias {b} has shape {list(b.shape) if b else None}; expected [{channels}]")
    axes = windows(node, x.shape[1:3], w.shape[1:3])
    resize_to_windows(node, x.shape[0], axes, channels)
    multiplier = channels // depth
    if x.type != TensorType.FLOAT32:
        return _prepare_integer(node, axes, multiplier)
    check_bias(node, b, channels, TensorType.FLOAT32, quantized=False)
    low, high = activation_range_float32(node.activation)
    if w.type == TensorType.FLOAT32:
        return Prepared(depthwise_conv_2d_float32, Float32Plan(axes, multiplier, low, high, y.shape), explain_float32)
    _check_option(node, multiplier)
    check_channels(node, w, channels)
    count = w.scales.size
    node.expect(
        count == channels, f"weights {w} have {count} scales; expected {channels} with float32 inputs: quantize them per axis 3"
    )
    return Prepared(depthwise_conv_2d_hybrid, HybridPlan(axes, multiplier, w.scales, low, high, y.shape), explain_hybrid)


def _prepare_integer(node: Node, axes: tuple[Axis, ...], multiplier: int) -> Prepared:
    x, w, b = node.input(0), node.input(1), node.input(2, optional=True)
    channels, wide = w.shape[3], x.type == TensorType.INT16
    check_bias(node, b, channels, TensorType.INT64 if wide else TensorType.INT32)
    if x.type == TensorType.UINT8:
        check_bias_scale(node, x, w, b)
    if wide:
        _check_option(node, multiplier)
    fields = integer_plan(node, x, w, channels, 64 if wide else 32, float32_product=x.type == TensorType.UINT8)
    if x.type != TensorType.UINT8:
        fields["filter_offset"] = 0  # the kernels for signed weights never read their zero point
    return Prepared(depthwise_conv_2d, DepthwiseConvPlan(**fields, axes=axes, depth_multiplier=multiplier), explain, accumulate)


def _check_option(node: Node, multiplier: int) -> None:
    found = node.options.get("depth_multiplier", 0)
    node.expect(found == multiplier, f"depth_multiplier is {found}; expected {multiplier}, output channels by input channels")


def depthwise_conv_2d(x: np.ndarray, w: np.ndarray, b: np.ndarray | None, plan: DepthwiseConvPlan) -> np.ndarray:
    """Return y [B, OH, OW, C * M]: y[o] = clamp(requantize(acc)[o] + output_offset)."""
    return requantize_accumulator(accumulate(x, w, b, plan), plan)


def accumulate(x: np.ndarray, w: np.ndarray, b: np.ndarray | None, plan: DepthwiseConvPlan) -> np.ndarray:
    """Return acc [B, OH, OW, C * M] int64.

    acc[o] = b[o] + sum over ky, kx inside the image of (w[ky, kx, o] + filter_offset) * (x[iy, ix, o // M] + input_offset)
    with iy = oy * stride_h + ky * dilation_h_factor - padding_h, ix alike
    """
    inputs, weights = x.astype(np.int64) + plan.input_offset, w[0].astype(np.int64) + plan.filter_offset
    return depthwise_convolution(inputs, weights, plan.axes, plan.depth_multiplier) + (0 if b is None else b)


def explain(x: np.ndarray, w: np.ndarray, b: np.ndarray | None, plan: DepthwiseConvPlan, element: tuple[int, ...]) -> Explanation:
    """Explain y[element]."""
    return explain_taps(values(x, w, meetings(plan, element)), b, plan, element, element[-1])


def meetings(plan: DepthwiseConvPlan | Float32Plan | HybridPlan, element: tuple[int, ...]) -> list[Meeting]:
    """The elements of image and filter that meet at y[element], along the rows of the filter."""
    batch, *position, channel = element
    taps = taps_on_image(plan.axes, position)
    return [((batch, *place, channel // plan.depth_multiplier), (0, *tap, channel)) for tap, place in taps]


def depthwise_conv_2d_float32(x: np.ndarray, w: np.ndarray, b: np.ndarray | None, plan: Float32Plan) -> np.ndarray:
    """Return y [B, OH, OW, C * M] float32: products summed from 0 over ky, kx in that order, then the bias, then the clamp."""
    return finish_float32(depthwise_convolution(x, w[0], plan.axes, plan.depth_multiplier), b, plan.low, plan.high)


def explain_float32(
    x: np.ndarray, w: np.ndarray, b: np.ndarray | None, plan: Float32Plan, element: tuple[int, ...]
) -> Explanation:
    """Explain y[element] of the float32 form."""
    return explain_sequential(values(x, w, meetings(plan, element)), b, plan, element[-1])


def depthwise_conv_2d_hybrid(x: np.ndarray, w: np.ndarray, b: np.ndarray | None, plan: HybridPlan) -> np.ndarray:
    """Return y [B, OH, OW, C * M] float32 from float32 x and w with a scale for each channel.

    q, s[image], z[image] = whole image quantized to int8;  y = clamp(f32(acc) * f32(filter_scale[o] * s[image]) + b[o])
    acc = sum over taps of w[k, o] * (q[o // M] - z[image])
    """
    q, scale = quantize_images_asymmetric(x)
    acc = depthwise_convolution(q.astype(np.int64), w[0].astype(np.int64), plan.axes, plan.depth_multiplier)
    return finish_hybrid(acc, scale, b, plan)


@np.errstate(all="ignore")
def finish_hybrid(acc: np.ndarray, scale: np.ndarray, b: np.ndarray | None, plan: HybridPlan) -> np.ndarray:
    """Bring the accumulators [B, OH, OW, C * M] to the output."""
    y = wrap_accumulator(acc, 32).astype(np.float32) * (plan.filter_scale * scale)
    return finish_float32(y, b, plan.low, plan.high)


def explain_hybrid(
    x: np.ndarray, w: np.ndarray, b: np.ndarray | None, plan: HybridPlan, element: tuple[int, ...], *one_by_one: str
) -> Explanation:
    """Explain y[element] of the hybrid form; the scales are multiplied `one_by_one`, or with each other first."""
    e = explain_image(x, element[0], w, meetings(plan, element), asymmetric=True)
    explain_scales(e, plan.filter_scale[element[-1]].item(), *one_by_one)
    explain_float32_output(e, "scaled", bias_of(b, element[-1]), plan)
    return e
