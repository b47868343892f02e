"""DEPTHWISE_CONV_2D as LiteRT's optimized kernels compute it: int8 rounds half up in whole blocks of 8 channels.

Types    float32 sums begin with the bias;  uint8 and int16: as the reference
Hybrid   in whole blocks of 4 channels acc is multiplied with the filter's scale first, in the channels left over with the image's
"""

from __future__ import annotations

import numpy as np

from qref.arithmetic.explanation import Explanation
from qref.arithmetic.requantize import DoubleRounding, HalfUp, HalfUpBlocks
from qref.ops import depthwise_conv_2d as base
from qref.ops._convolution import depthwise_convolution
from qref.ops._explain_float import bias_or_zero, explain_clamp, explain_products
from qref.ops._explain_windows import values
from qref.ops._matmul import finish_float32, with_plan, wrap_accumulator
from qref.ops.conv_2d import quantize_images_asymmetric
from qref.ops.node import Node, Prepared
from qref.schema.enums import TensorType

BLOCK, HYBRID_BLOCK = 8, 4  # channels
BUFFER = 4832  # float32 sums


def prepare(node: Node) -> Prepared:
    """Check the operands and derive the plan."""
    prepared = base.prepare(node)
    plan = prepared.plan
    if isinstance(plan, base.Float32Plan):
        return Prepared(depthwise_conv_2d_float32, plan, explain_float32)
    if isinstance(plan, base.HybridPlan):
        return Prepared(depthwise_conv_2d_hybrid, plan, explain_hybrid)
    if node.input(0).type == TensorType.INT8:
        constants = plan.requantize.quantized_multiplier, plan.requantize.shift
        in_blocks = node.output().shape[-1] // BLOCK * BLOCK
        return with_plan(prepared, requantize=HalfUpBlocks(HalfUp(*constants), DoubleRounding(*constants), in_blocks))
    return prepared


def depthwise_conv_2d_float32(x: np.ndarray, w: np.ndarray, b: np.ndarray | None, plan: base.Float32Plan) -> np.ndarray:
    """Return y [B, OH, OW, C * M] float32: sums begin with the bias and run over ky, kx in that order; then the clamp."""
    acc = depthwise_convolution(x, w[0], plan.axes, plan.depth_multiplier, start=0 if b is None else b)
    y = finish_float32(acc, None, plan.low, plan.high)
    return np.where(np.isnan(y) & left_over(*y.shape[2:]), plan.high, y)


def left_over(columns: int, channels: int) -> np.ndarray:
    """Which elements of an output row [columns, channels] vector code of 4 numbers leaves to scalar code.

    There the upper limit takes the place of NaN, which comes of sums that overflow. Vector code goes through as many whole pixels
    at a time as fit into BUFFER numbers.
    """
    place = np.arange(columns * channels)
    part = max(BUFFER // max(channels, 1), 1) * channels
    start = place // max(part, 1) * part
    size = np.minimum(part, columns * channels - start)
    return (place - start >= size // 4 * 4).reshape(columns, channels)


def explain_float32(
    x: np.ndarray, w: np.ndarray, b: np.ndarray | None, plan: base.Float32Plan, element: tuple[int, ...]
) -> Explanation:
    """Explain y[element] of the float32 form."""
    e = Explanation()
    e.given("bias", bias_or_zero(b, element[-1]), "real, what the sum begins with")
    products = explain_products(e, values(x, w, base.meetings(plan, element)))
    e.derive("running", f"cumsum32({products}, bias)", "the sum after each tap, every step rounded to float32")
    e.derive("acc", f"sum32({products}, bias)", "the sum of all taps")
    if left_over(*plan.output_shape[2:])[element[2:]]:
        e.given("limit", plan.high, "what scalar code makes of NaN")
        e.derive("number", "acc if acc == acc else limit")
    explain_clamp(e, e[-1].name, plan)
    return e


def depthwise_conv_2d_hybrid(x: np.ndarray, w: np.ndarray, b: np.ndarray | None, plan: base.HybridPlan) -> np.ndarray:
    """Return y [B, OH, OW, C * M] float32 from float32 x and w with a scale for each channel.

    q, s[image], z[image] = whole image quantized to int8;  acc = sum over taps of w[k, o] * (q[o // M] - z[image])
    y = clamp(f32(f32(acc) * filter_scale[o]) * s[image] + b[o]) in whole blocks; in the channels left over
    y = clamp(f32(f32(acc) * s[image]) * filter_scale[o] + b[o])
    """
    q, scale = quantize_images_asymmetric(x)
    acc = depthwise_convolution(q.astype(np.int64), w[0].astype(np.int64), plan.axes, plan.depth_multiplier)
    return finish_hybrid(acc, scale, b, plan)


@np.errstate(all="ignore")
def finish_hybrid(acc: np.ndarray, scale: np.ndarray, b: np.ndarray | None, plan: base.HybridPlan) -> np.ndarray:
    """Bring the accumulators [B, OH, OW, C * M] to the output."""
    y = wrap_accumulator(acc, 32).astype(np.float32)
    in_blocks = np.arange(y.shape[-1]) < y.shape[-1] // HYBRID_BLOCK * HYBRID_BLOCK
    y = np.where(in_blocks, y * plan.filter_scale * scale, y * scale * plan.filter_scale)
    return finish_float32(y, b, plan.low, plan.high)


def explain_hybrid(
    x: np.ndarray, w: np.ndarray, b: np.ndarray | None, plan: base.HybridPlan, element: tuple[int, ...]
) -> Explanation:
    """Explain y[element] of the hybrid form: its place among the channels decides which scale comes first."""
    in_blocks = element[-1] < w.shape[-1] // HYBRID_BLOCK * HYBRID_BLOCK
    order = ("filter_scale", "scale") if in_blocks else ("scale", "filter_scale")
    return base.explain_hybrid(x, w, b, plan, element, *order)
