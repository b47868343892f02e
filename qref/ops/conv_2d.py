"""CONV_2D: y = act(x * w + b), the filter slid over the image.

Layout   x [B, H, W, G * C], w [O, KH, KW, C], b [O] -> y [B, OH, OW, O]; output channel o sees channel group o // (O / G)
Types    x, y int8; w int8, int4; b int32                    accumulates in int32, wrapping
         x, y uint8; w uint8; b int32
         x, y int16; w int8, int4; b int32 or int64          accumulates in int32 or int64 as b does
         x, y float32; w float32, float16 by way of DEQUANTIZE
         x, y float32; w int8, int4 ("hybrid", dynamic range): each image is quantized to int8 on the fly
Scales   b: s_x * s_w[o], zero point 0;  w: per tensor, or per axis 0 with zero point 0;  int16: zero point 0
Hybrid   with one scale for all weights and O % 4 != 0, -128 * q has the wrong sign for q < 0 in whole blocks of 16, as in LiteRT
Source   8-bit quantization specification, CONV_2D; facts verified in tests/ops/test_conv_2d.py
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from qref.arithmetic.activation import activation_range_float32
from qref.arithmetic.explanation import Explanation
from qref.arithmetic.hybrid import quantize_rows_asymmetric, quantize_rows_symmetric
from qref.schema.enums import TensorType

from ._convolution import Axis, expect_rank, integer_convolution, resize_to_windows, sequential_convolution, windows
from ._explain import explain_taps
from ._explain_float import bias_of, explain_float32_output, explain_sequential
from ._explain_hybrid import explain_image, explain_scales, filter_scale_of
from ._explain_windows import Meeting, taps_on_image, values
from ._matmul import (
    IntegerPlan,
    bias_type_of_int16,
    check_bias,
    check_bias_scale,
    check_channels,
    finish_float32,
    integer_plan,
    requantize_accumulator,
    sign_errors,
    wrap_accumulator,
)
from .node import Node, Prepared, Shape

FILTER_TYPES = {
    TensorType.INT8: (TensorType.INT8, TensorType.INT4),
    TensorType.UINT8: (TensorType.UINT8,),
    TensorType.INT16: (TensorType.INT8, TensorType.INT4),
    TensorType.FLOAT32: (TensorType.FLOAT32, TensorType.INT8, TensorType.INT4),
}


@dataclass(frozen=True, slots=True)
class ConvPlan(IntegerPlan):
    """The integer form: IntegerPlan and where the windows lie."""

    axes: tuple[Axis, ...]  # height, width
    groups: int


@dataclass(frozen=True, slots=True)
class Float32Plan:
    """The float32 form: only windows and limits."""

    axes: tuple[Axis, ...]
    groups: int
    low: np.float32
    high: np.float32
    output_shape: Shape


@dataclass(frozen=True, slots=True)
class HybridPlan:
    """The dynamic-range form: weights stay quantized, each image is quantized when it is seen."""

    axes: tuple[Axis, ...]
    groups: int
    filter_scale: np.ndarray  # float32 [O], or [1] where all are equal
    low: np.float32
    high: np.float32
    output_shape: Shape


class WindowPlan(Protocol):
    """A plan that knows the windows."""

    @property
    def axes(self) -> tuple[Axis, ...]:
        """Height, width."""
        ...

    @property
    def groups(self) -> int:
        """Of channels."""
        ...


def prepare(node: Node) -> Prepared:
    """Check the operands and derive the plan."""
    x, w, b, y = node.input(0), node.input(1), node.input(2), node.output()
    node.expect_type(x, *FILTER_TYPES)
    node.expect_type(w, *FILTER_TYPES[x.type])
    node.expect_type(y, x.type)
    expect_rank(node, x, "B", "H", "W", "C")
    expect_rank(node, w, "O", "KH", "KW", "C")
    channels, depth = w.shape[0], w.shape[3]
    fits = depth > 0 and x.shape[3] % depth == 0
    node.expect(fits, f"filter {w} has {depth} input channels; expected a divisor of the {x.shape[3]} channels of {x}")
    groups = x.shape[3] // depth
    node.expect(
        groups > 0 and channels % groups == 0,
        f"filter {w} has {channels} output channels; expected a multiple of {groups} groups",
    )
    axes = windows(node, x.shape[1:3], w.shape[1:3])
    resize_to_windows(node, x.shape[0], axes, channels)
    if x.type != TensorType.FLOAT32:
        return _prepare_integer(node, axes, groups)
    check_bias(node, b, channels, TensorType.FLOAT32, quantized=False)
    low, high = activation_range_float32(node.activation)
    if w.type == TensorType.FLOAT32:
        return Prepared(conv_2d_float32, Float32Plan(axes, groups, low, high, y.shape), explain_float32)
    check_channels(node, w, channels)
    node.expect(
        w.scales.size == channels or groups == 1, f"weights {w} have one scale; expected {channels} where there are groups"
    )
    all_equal = groups == 1 and (w.scales == w.scales[0]).all()
    plan = HybridPlan(axes, groups, w.scales[:1] if all_equal else w.scales, low, high, y.shape)
    if all_equal:
        return Prepared(conv_2d_hybrid_per_tensor, plan, explain_hybrid_per_tensor)
    return Prepared(conv_2d_hybrid_per_channel, plan, explain_hybrid_per_channel)


def _prepare_integer(node: Node, axes: tuple[Axis, ...], groups: int) -> Prepared:
    x, w, b, channels = node.input(0), node.input(1), node.input(2), node.input(1).shape[0]
    bias_type = bias_type_of_int16(node, b, TensorType.INT64) if x.type == TensorType.INT16 else TensorType.INT32
    check_bias(node, b, channels, bias_type)
    if x.type == TensorType.UINT8:
        check_bias_scale(node, x, w, b)
    else:
        node.expect(
            not w.zero_points.any(),
            f"weights {w} have zero points {w.zero_points.tolist()}; expected 0 with {x.type.name} inputs",
        )
    acc_bits = 64 if bias_type == TensorType.INT64 else 32
    fields = integer_plan(node, x, w, channels, acc_bits, float32_product=x.type == TensorType.UINT8)
    return Prepared(conv_2d, ConvPlan(**fields, axes=axes, groups=groups), explain, accumulate)


def conv_2d(x: np.ndarray, w: np.ndarray, b: np.ndarray, plan: ConvPlan) -> np.ndarray:
    """Return y [B, OH, OW, O]: y[o] = clamp(requantize(acc)[o] + output_offset)."""
    return requantize_accumulator(accumulate(x, w, b, plan), plan)


def accumulate(x: np.ndarray, w: np.ndarray, b: np.ndarray, plan: ConvPlan) -> np.ndarray:
    """Return acc [B, OH, OW, O] int64.

    acc[o] = b[o] + sum over ky, kx, c inside the image of (w[o, ky, kx, c] + filter_offset) * (x[iy, ix, c] + input_offset)
    with iy = oy * stride_h + ky * dilation_h_factor - padding_h, ix alike
    """
    inputs, weights = x.astype(np.int64) + plan.input_offset, w.astype(np.int64) + plan.filter_offset
    return integer_convolution(inputs, weights, plan.axes, plan.groups) + b.reshape(-1)


def explain(x: np.ndarray, w: np.ndarray, b: np.ndarray, plan: ConvPlan, element: tuple[int, ...]) -> Explanation:
    """Explain y[element]."""
    return explain_taps(values(x, w, meetings(w, plan, element)), b, plan, element, element[-1])


def meetings(w: np.ndarray, plan: WindowPlan, element: tuple[int, ...]) -> list[Meeting]:
    """The elements of image and filter that meet at y[element], over ky, kx, c in that order."""
    batch, *position, channel = element
    first = channel // (len(w) // plan.groups) * w.shape[-1]
    taps = taps_on_image(plan.axes, position)
    return [((batch, *place, first + c), (channel, *tap, c)) for tap, place in taps for c in range(w.shape[-1])]


def conv_2d_float32(x: np.ndarray, w: np.ndarray, b: np.ndarray, plan: Float32Plan) -> np.ndarray:
    """Return y [B, OH, OW, O] float32: products summed from 0 over ky, kx, c in that order, then the bias, then the clamp."""
    return finish_float32(sequential_convolution(x, w, plan.axes, plan.groups), b, plan.low, plan.high)


def explain_float32(x: np.ndarray, w: np.ndarray, b: np.ndarray, plan: Float32Plan, element: tuple[int, ...]) -> Explanation:
    """Explain y[element] of the float32 form."""
    return explain_sequential(values(x, w, meetings(w, plan, element)), b, plan, element[-1])


def conv_2d_hybrid_per_tensor(x: np.ndarray, w: np.ndarray, b: np.ndarray, plan: HybridPlan) -> np.ndarray:
    """Return y [B, OH, OW, O] float32 from float32 x and w with one scale.

    q, s[image] = whole image quantized to int8 around zero;  y = clamp(b[o] + f32(acc) * f32(s[image] * filter_scale))
    """
    q, scale = quantize_images_symmetric(x)
    acc = integer_convolution(q, w, plan.axes)
    wrong = wrong_signs(w)
    if wrong is not None:
        acc += 256 * integer_convolution(np.minimum(q, 0), wrong, plan.axes)
    return finish_hybrid_per_tensor(acc, scale, b, plan)


def conv_2d_hybrid_per_channel(x: np.ndarray, w: np.ndarray, b: np.ndarray, plan: HybridPlan) -> np.ndarray:
    """Return y [B, OH, OW, O] float32 from float32 x and w with a scale for each output channel.

    q, s[image], z[image] = whole image quantized to int8;  y = clamp(f32(f32(acc) * filter_scale[o]) * s[image] + b[o])
    acc = sum over taps and c of w[o, k, c] * (q[c] - z[image])
    """
    q, scale = quantize_images_asymmetric(x)
    return finish_hybrid_per_channel(integer_convolution(q, w, plan.axes, plan.groups), scale, b, plan)


def explain_hybrid_per_tensor(
    x: np.ndarray, w: np.ndarray, b: np.ndarray, plan: HybridPlan, element: tuple[int, ...]
) -> Explanation:
    """Explain y[element] of the hybrid form with one scale."""
    e = explain_image(x, element[0], w, meetings(w, plan, element), asymmetric=False, signed=len(w) % 4 != 0)
    explain_scales(e, plan.filter_scale[0].item())
    explain_float32_output(e, "scaled", bias_of(b, element[-1]), plan)
    return e


def explain_hybrid_per_channel(
    x: np.ndarray, w: np.ndarray, b: np.ndarray, plan: HybridPlan, element: tuple[int, ...]
) -> Explanation:
    """Explain y[element] of the hybrid form with a scale for each output channel."""
    e = explain_image(x, element[0], w, meetings(w, plan, element), asymmetric=True)
    explain_scales(e, filter_scale_of(plan.filter_scale, element[-1]), "filter_scale", "scale")
    explain_float32_output(e, "scaled", bias_of(b, element[-1]), plan)
    return e


def wrong_signs(w: np.ndarray) -> np.ndarray | None:
    """The weights that LiteRT takes the wrong way (see `sign_errors`); None if there are none, as where O % 4 == 0."""
    wrong = sign_errors(w.reshape(len(w), math.prod(w.shape[1:]))).reshape(w.shape)
    return wrong if len(w) % 4 and wrong.any() else None


def quantize_images_symmetric(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The images [B, H, W, C] in int16 and their scales [B, 1, 1, 1], the zero point being 0."""
    q, scale, _ = quantize_rows_symmetric(x.reshape(len(x), math.prod(x.shape[1:])))
    return q.reshape(x.shape).astype(np.int16), scale.reshape(-1, 1, 1, 1)


def quantize_images_asymmetric(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The images [B, H, W, C] in int16, zero points taken off, and their scales [B, 1, 1, 1]."""
    q, scale, zero_point = quantize_rows_asymmetric(x.reshape(len(x), math.prod(x.shape[1:])))
    return (q.astype(np.int16) - zero_point[:, None].astype(np.int16)).reshape(x.shape), scale.reshape(-1, 1, 1, 1)


@np.errstate(all="ignore")
def finish_hybrid_per_tensor(acc: np.ndarray, scale: np.ndarray, b: np.ndarray, plan: HybridPlan) -> np.ndarray:
    """Bring the accumulators [B, OH, OW, O] to the output, with one scale for all weights."""
    y = wrap_accumulator(acc, 32).astype(np.float32) * (scale * plan.filter_scale)
    return finish_float32(y, b, plan.low, plan.high)


@np.errstate(all="ignore")
def finish_hybrid_per_channel(acc: np.ndarray, scale: np.ndarray, b: np.ndarray, plan: HybridPlan) -> np.ndarray:
    """Bring the accumulators [B, OH, OW, O] to the output, with a scale for each output channel."""
    y = wrap_accumulator(acc, 32).astype(np.float32) * plan.filter_scale * scale
    return finish_float32(y, b, plan.low, plan.high)
