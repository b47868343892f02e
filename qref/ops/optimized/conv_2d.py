"""CONV_2D as LiteRT's optimized kernels compute it: integers round as ruy does, float32 sums as Eigen does.

Types    int8, uint8, int16 with an int32 bias: half up twice;  int64 accumulators, and all with groups: as the reference
Hybrid   with a scale for each output channel, that is multiplied with the image's scale first
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np

from qref.arithmetic.explanation import Explanation
from qref.arithmetic.requantize import DoubleRounding, HalfUp
from qref.ops import conv_2d as base
from qref.ops._convolution import Axis, integer_convolution, patches
from qref.ops._eigen import l1_cache_bytes, matmul
from qref.ops._explain_eigen import explain_matmul
from qref.ops._explain_float import bias_of, explain_float32_output, explain_products
from qref.ops._explain_hybrid import explain_image, explain_scales, filter_scale_of
from qref.ops._explain_windows import taps_on_image
from qref.ops._matmul import finish_float32, with_plan, wrap_accumulator
from qref.ops.node import Node, Prepared, Shape


@dataclass(frozen=True, slots=True)
class Float32Plan:
    """The float32 form: windows, limits, and what decides where long sums are split."""

    axes: tuple[Axis, ...]
    low: np.float32
    high: np.float32
    output_shape: Shape
    l1_bytes: int


def prepare(node: Node) -> Prepared:
    """Check the operands and derive the plan."""
    prepared = base.prepare(node)
    plan = prepared.plan
    if plan.groups > 1:
        return prepared
    if isinstance(plan, base.Float32Plan):
        return Prepared(
            conv_2d_float32, Float32Plan(plan.axes, plan.low, plan.high, plan.output_shape, l1_cache_bytes()), explain_float32
        )
    if prepared.reference is base.conv_2d_hybrid_per_channel:
        return Prepared(conv_2d_hybrid_per_channel, plan, explain_hybrid_per_channel)
    if isinstance(plan, base.ConvPlan) and isinstance(plan.requantize, DoubleRounding):
        return with_plan(prepared, requantize=HalfUp(plan.requantize.quantized_multiplier, plan.requantize.shift))
    return prepared


def conv_2d_float32(x: np.ndarray, w: np.ndarray, b: np.ndarray, plan: Float32Plan) -> np.ndarray:
    """Return y [B, OH, OW, O] float32: products of patches and weights in Eigen's order, then the bias, then the clamp."""
    rows = patches(x, plan.axes)
    with np.errstate(all="ignore"):
        acc = matmul(rows.reshape(-1, rows.shape[-1]), w.reshape(len(w), rows.shape[-1]), plan.l1_bytes)
    return finish_float32(acc, b, plan.low, plan.high).reshape(plan.output_shape)


def explain_float32(x: np.ndarray, w: np.ndarray, b: np.ndarray, plan: Float32Plan, element: tuple[int, ...]) -> Explanation:
    """Explain y[element] of the float32 form: taps outside the image are zeros that take part in the sums."""
    e, (batch, *position, channel) = Explanation(), element
    seen = {tap: x[batch, *place].tolist() for tap, place in taps_on_image(plan.axes, position)}
    taps = [seen.get(tap, [0.0] * w.shape[3]) for tap in np.ndindex(*w.shape[1:3])]
    products = explain_products(e, zip(itertools.chain(*taps), w[channel].ravel().tolist()))
    row, rows = int(np.ravel_multi_index(element[:3], plan.output_shape[:3])), math.prod(plan.output_shape[:3])
    explain_matmul(e, products, "acc", row, rows, channel, len(w), plan.l1_bytes)
    explain_float32_output(e, "acc", bias_of(b, channel), plan)
    return e


def conv_2d_hybrid_per_channel(x: np.ndarray, w: np.ndarray, b: np.ndarray, plan: base.HybridPlan) -> np.ndarray:
    """Return y [B, OH, OW, O] float32 from float32 x and w with a scale for each output channel.

    q, s[image], z[image] = whole image quantized to int8;  y = clamp(f32(acc) * f32(filter_scale[o] * s[image]) + b[o])
    acc = sum over taps and c of w[o, k, c] * (q[c] - z[image])
    """
    q, scale = base.quantize_images_asymmetric(x)
    return finish_hybrid_per_channel(integer_convolution(q, w, plan.axes), scale, b, plan)


@np.errstate(all="ignore")
def finish_hybrid_per_channel(acc: np.ndarray, scale: np.ndarray, b: np.ndarray, plan: base.HybridPlan) -> np.ndarray:
    """Bring the accumulators [B, OH, OW, O] to the output, with a scale for each output channel."""
    y = wrap_accumulator(acc, 32).astype(np.float32) * (plan.filter_scale * scale)
    return finish_float32(y, b, plan.low, plan.high)


def explain_hybrid_per_channel(
    x: np.ndarray, w: np.ndarray, b: np.ndarray, plan: base.HybridPlan, element: tuple[int, ...]
) -> Explanation:
    """Explain y[element] of the hybrid form with a scale for each output channel."""
    e = explain_image(x, element[0], w, base.meetings(w, plan, element), asymmetric=True)
    explain_scales(e, filter_scale_of(plan.filter_scale, element[-1]))
    explain_float32_output(e, "scaled", bias_of(b, element[-1]), plan)
    return e
