"""TRANSPOSE_CONV: y = act(b + x spread by w), the gradient of a convolution with respect to its image.

Layout   output shape [4] int32, w [O, KH, KW, C], x [B, H, W, C], b [O] or absent -> y [B, OH, OW, O] of that shape
Types    x, y int8; w int8; b int32                          accumulates in int32, wrapping
         x, y uint8; w uint8; b int32
         x, y int16; w int8; b int32 or int64                accumulates in int32 or int64 as b does
         x, y float32; w float32, float16 by way of DEQUANTIZE
         x, y float32; w int8 ("hybrid", dynamic range): each image is quantized to int8 on the fly
Scales   b: s_x * s_w[o], zero point 0;  w: per tensor, or per axis 0 with zero point 0;  int16: zero point 0
Source   TFLite, transpose_conv.cc; facts verified in tests/ops/test_transpose_conv.py
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qref.arithmetic.activation import activation_range_float32
from qref.arithmetic.explanation import Explanation
from qref.schema.enums import TensorType

from ._convolution import Axis, expect_rank, integer_transposed_convolution, sequential_transposed_convolution, windows
from ._explain import explain_taps
from ._explain_float import bias_of, explain_float32_output, explain_sequential
from ._explain_hybrid import explain_image_products
from ._explain_windows import Meeting, taps_on_output, values
from ._matmul import (
    IntegerPlan,
    bias_type_of_int16,
    check_bias,
    check_bias_scale,
    check_channels,
    finish_float32,
    integer_plan,
    requantize_accumulator,
)
from .conv_2d import quantize_images_asymmetric
from .node import Node, Prepared

FILTER_TYPES = {
    TensorType.INT8: (TensorType.INT8,),
    TensorType.UINT8: (TensorType.UINT8,),
    TensorType.INT16: (TensorType.INT8,),
    TensorType.FLOAT32: (TensorType.FLOAT32, TensorType.INT8),
}


@dataclass(frozen=True, slots=True)
class TransposeConvPlan(IntegerPlan):
    """The integer form: IntegerPlan and the windows, whose image is the output here."""

    axes: tuple[Axis, ...]  # height, width


@dataclass(frozen=True, slots=True)
class Float32Plan:
    """The float32 form: only windows and limits."""

    axes: tuple[Axis, ...]
    low: np.float32
    high: np.float32


@dataclass(frozen=True, slots=True)
class HybridPlan:
    """The dynamic-range form: weights stay quantized, each image is quantized when it is seen."""

    axes: tuple[Axis, ...]
    filter_scale: np.ndarray  # float32 [O]
    low: np.float32
    high: np.float32


def prepare(node: Node) -> Prepared:
    """Check the operands and derive the plan."""
    shape, w, x, b, y = node.input(0), node.input(1), node.input(2), node.input(3, optional=True), node.output()
    node.expect_type(shape, TensorType.INT32)
    node.expect_type(x, *FILTER_TYPES)
    node.expect_type(w, *FILTER_TYPES[x.type])
    node.expect_type(y, x.type)
    expect_rank(node, x, "B", "H", "W", "C")
    expect_rank(node, w, "O", "KH", "KW", "C")
    node.expect(x.shape[3] == w.shape[3] > 0, f"filter {w} has {w.shape[3]} channels; {x} has {x.shape[3]}: expected as many")
    node.expect(
        shape.shape == (4,), f"output shape {shape} has shape {list(shape.shape)}; expected [4]: batch, height, width, channels"
    )
    output_shape = tuple(shape.value.tolist())
    batch, channels = x.shape[0], w.shape[0]
    fits = output_shape[0] == batch and output_shape[3] == channels
    node.expect(
        fits, f"the output shape is {list(output_shape)}; expected batch {batch} and {channels} channels, as {x} and {w} have"
    )
    node.resize(0, output_shape)
    axes = windows(node, output_shape[1:3], w.shape[1:3], dilated=False)
    sizes = tuple(axis.output_size for axis in axes)
    message = f"CONV_2D of {list(output_shape)} has the size {list(sizes)}; expected that of {x}, {list(x.shape[1:3])}"
    node.expect(sizes == x.shape[1:3], message)
    if x.type != TensorType.FLOAT32:
        return _prepare_integer(node, axes)
    check_bias(node, b, channels, TensorType.FLOAT32, quantized=False)
    low, high = activation_range_float32(node.activation)
    if w.type == TensorType.FLOAT32:
        return Prepared(transpose_conv_float32, Float32Plan(axes, low, high), explain_float32)
    check_channels(node, w, channels)
    return Prepared(transpose_conv_hybrid, HybridPlan(axes, np.broadcast_to(w.scales, channels), low, high), explain_hybrid)


def _prepare_integer(node: Node, axes: tuple[Axis, ...]) -> Prepared:
    w, x, b = node.input(1), node.input(2), node.input(3, optional=True)
    bias_type = bias_type_of_int16(node, b, TensorType.INT64) if x.type == TensorType.INT16 else TensorType.INT32
    check_bias(node, b, w.shape[0], bias_type, quantized=x.type != TensorType.UINT8)
    if x.type == TensorType.UINT8:
        check_bias_scale(node, x, w, b)
    acc_bits = 64 if bias_type == TensorType.INT64 else 32
    fields = integer_plan(node, x, w, w.shape[0], acc_bits, float32_product=x.type == TensorType.UINT8)
    if x.type != TensorType.UINT8:
        fields["filter_offset"] = 0  # the kernels for signed weights never read their zero point
    return Prepared(transpose_conv, TransposeConvPlan(**fields, axes=axes), explain, accumulate)


def transpose_conv(shape: np.ndarray, w: np.ndarray, x: np.ndarray, b: np.ndarray | None, plan: TransposeConvPlan) -> np.ndarray:
    """Return y [B, OH, OW, O]: y[o] = clamp(requantize(acc)[o] + output_offset)."""
    return requantize_accumulator(accumulate(shape, w, x, b, plan), plan)


def accumulate(shape: np.ndarray, w: np.ndarray, x: np.ndarray, b: np.ndarray | None, plan: TransposeConvPlan) -> np.ndarray:
    """Return acc [B, OH, OW, O] int64.

    acc[oy, ox, o] = b[o] + sum over iy, ix, c of (w[o, ky, kx, c] + filter_offset) * (x[iy, ix, c] + input_offset)
    with oy = iy * stride_h + ky - padding_h, ox alike
    """
    inputs, weights = x.astype(np.int64) + plan.input_offset, w.astype(np.int64) + plan.filter_offset
    return integer_transposed_convolution(inputs, weights, plan.axes) + (0 if b is None else b.reshape(-1))


def explain(
    shape: np.ndarray, w: np.ndarray, x: np.ndarray, b: np.ndarray | None, plan: TransposeConvPlan, element: tuple[int, ...]
) -> Explanation:
    """Explain y[element]."""
    return explain_taps(values(x, w, meetings(w, plan.axes, element)), b, plan, element, element[-1])


def meetings(w: np.ndarray, axes: tuple[Axis, ...], element: tuple[int, ...], *, descending: bool = True) -> list[Meeting]:
    """The elements of input and filter that meet at y[element]; descending taps mean ascending iy, ix."""
    batch, *position, channel = element
    taps = taps_on_output(axes, position, descending=descending)
    return [((batch, *place, c), (channel, *tap, c)) for tap, place in taps for c in range(w.shape[-1])]


def transpose_conv_float32(
    shape: np.ndarray, w: np.ndarray, x: np.ndarray, b: np.ndarray | None, plan: Float32Plan
) -> np.ndarray:
    """Return y [B, OH, OW, O] float32: products summed from 0 in ascending iy, ix, c, then the bias, then the clamp."""
    return finish_float32(sequential_transposed_convolution(x, w, plan.axes), b, plan.low, plan.high)


def explain_float32(
    shape: np.ndarray, w: np.ndarray, x: np.ndarray, b: np.ndarray | None, plan: Float32Plan, element: tuple[int, ...]
) -> Explanation:
    """Explain y[element] of the float32 form."""
    return explain_sequential(values(x, w, meetings(w, plan.axes, element)), b, plan, element[-1])


@np.errstate(all="ignore")
def transpose_conv_hybrid(shape: np.ndarray, w: np.ndarray, x: np.ndarray, b: np.ndarray | None, plan: HybridPlan) -> np.ndarray:
    """Return y [B, OH, OW, O] float32 from float32 x and quantized w.

    q, s[image], z[image] = whole image quantized to int8
    y = clamp(sum from 0 in ascending iy, ix, c of f32(f32((q - z) * w) * filter_scale[o]) * s[image], + b[o])
    """
    q, scale = quantize_images_asymmetric(x)

    def step(inputs: np.ndarray, weights: np.ndarray, acc: np.ndarray) -> np.ndarray:
        return acc + inputs * weights * plan.filter_scale * scale

    sums = sequential_transposed_convolution(q.astype(np.float32), w.astype(np.float32), plan.axes, step=step)
    return finish_float32(sums, b, plan.low, plan.high)


def explain_hybrid(
    shape: np.ndarray, w: np.ndarray, x: np.ndarray, b: np.ndarray | None, plan: HybridPlan, element: tuple[int, ...]
) -> Explanation:
    """Explain y[element] of the hybrid form: every product is brought to real units before the sum."""
    e = explain_image_products(x, element[0], w, meetings(w, plan.axes, element), asymmetric=True)
    e.given("filter_scale", plan.filter_scale[element[-1]], "real units of an LSB of the weights")
    e.derive("scaled", "float32(float32(products * filter_scale) * scale)", "each product in real units")
    e.derive("running", "cumsum32(scaled)", "the sum after each tap, every step rounded to float32")
    e.derive("acc", "sum32(scaled)", "the sum of all taps")
    explain_float32_output(e, "acc", bias_of(b, element[-1]), plan)
    return e
