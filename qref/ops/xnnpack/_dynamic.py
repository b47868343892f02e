"""Float32 operators with int8 weights in XNNPACK: rows of the input are quantized to int8 when they are seen.

For a row with the limits low <= 0 <= high, in float32:

    s = 255 / (high - low), 1 where both are 0
    z = rint(-128 - low * s) or rint(127 - high * s), whichever end has the smaller error, within -128 to 127
    q = rint(x * s) + z, within -128 to 127
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qref.arithmetic.fused import flush_denormals, fma
from qref.ops._matmul import wrap_accumulator
from qref.ops.node import Node, Operand, Shape

from ._float import LIMITS


@dataclass(frozen=True, slots=True)
class DynamicPlan:
    """What the operators have in common."""

    filter_scale: np.ndarray  # float32 [O] or [1]
    low: np.float32
    high: np.float32
    output_shape: Shape


def dynamic_plan(node: Node, w: Operand) -> DynamicPlan:
    """The plan of a node whose output has its shape; XNNPACK refuses weights with a zero point."""
    node.expect(not w.zero_points.any(), f"weights {w} have zero points {w.zero_points.tolist()}; expected 0 with float32 inputs")
    low, high = LIMITS[node.activation]
    return DynamicPlan(w.scales, np.float32(low), np.float32(high), node.output().shape)


@np.errstate(all="ignore")
def quantize_rows(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The rows of x [rows, n] in int16, their zero points taken off, and the real units of an LSB, float32 [rows, 1]."""
    x = flush_denormals(x)
    low, high = x.min(axis=1, initial=0, keepdims=True), x.max(axis=1, initial=0, keepdims=True)
    scale = np.where(low == high, np.float32(1), np.float32(255) / (high - low))
    scaled_low, scaled_high = low * scale, high * scale
    low_is_nearer = (np.float32(-128) + scaled_low) + (np.float32(127) + scaled_high) > 0
    z = np.where(low_is_nearer, np.float32(-128) - scaled_low, np.float32(127) - scaled_high)
    z = np.rint(np.fmin(np.fmax(z, np.float32(-128)), np.float32(127)))
    q = np.rint(np.fmax(np.fmin(x * scale, np.float32(127) - z), np.float32(-128) - z))  # fmin, fmax: NaN becomes the limit
    return q.astype(np.int16), np.float32(1) / scale


@np.errstate(all="ignore")
def finish(acc: np.ndarray, scale: np.ndarray, b: np.ndarray | None, plan: DynamicPlan) -> np.ndarray:
    """clamp(fma(f32(acc) * scale, filter_scale, b)), NaN becomes the lower limit; acc [..., O], scale broadcasts with it."""
    scaled = wrap_accumulator(acc, 32).astype(np.float32) * scale
    y = fma(scaled, plan.filter_scale, np.zeros(1, np.float32) if b is None else b.reshape(-1))
    y = flush_denormals(y)
    return np.clip(np.where(np.isnan(y), plan.low, y), plan.low, plan.high).reshape(plan.output_shape)
