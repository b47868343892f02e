"""FULLY_CONNECTED as LiteRT's optimized kernels compute it: int8, uint8 and int16 round as ruy does, float32 sums as Eigen does.

Types    int16 without a bias accumulates in int32 here, with an int64 bias (or quantized_bias_type INT64) as the reference;
         int16 weights as the reference
Scales   per tensor, the product s_x * s_w is taken in float32
Hybrid   4 or more rows of int4 weights, of an even length of 32 or more: see `fully_connected_int4`; all else as the reference
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qref.arithmetic.explanation import Explanation
from qref.arithmetic.fixed_point import round_half_away
from qref.arithmetic.requantize import Float64HalfAway, HalfUp
from qref.ops import fully_connected as base
from qref.ops._eigen import l1_cache_bytes, matmul
from qref.ops._explain_eigen import explain_matmul
from qref.ops._explain_float import bias_of, explain_clamp, explain_float32_output, explain_products
from qref.ops._explain_hybrid import filter_scale_of
from qref.ops._matmul import effective_scale, finish_float32, integer_matmul, with_plan
from qref.ops.node import Node, Prepared, Shape
from qref.schema.enums import TensorType

LEAST_INT4_ROW, LEAST_INT4_ROWS = 32, 4
INT4_OFFSET = 7  # the packed weights are w + 7
BLOCK = 32


@dataclass(frozen=True, slots=True)
class Float32Plan:
    """The float32 form: limits, shape, and what decides where long sums are split."""

    low: np.float32
    high: np.float32
    output_shape: Shape
    l1_bytes: int


def prepare(node: Node) -> Prepared:
    """Check the operands and derive the plan."""
    prepared = base.prepare(node)
    plan = prepared.plan
    if isinstance(plan, base.Float32Plan) and node.input(1).tensor.sparsity is None:
        return Prepared(
            fully_connected_float32, Float32Plan(plan.low, plan.high, plan.output_shape, l1_cache_bytes()), explain_float32
        )
    if isinstance(plan, base.HybridPlan) and _has_packed_int4(node):
        return Prepared(fully_connected_int4, plan, explain_int4)
    if not isinstance(plan, base.FullyConnectedPlan) or not isinstance(plan.requantize, Float64HalfAway):
        return prepared
    x, w, b, y = node.input(0), node.input(1), node.input(2, optional=True), node.output()
    if (b is not None and b.type == TensorType.INT64) or node.options.get("quantized_bias_type", 0) == TensorType.INT64:
        return prepared
    scale = effective_scale(node, x, w, y, w.shape[0], float32_product=w.scales.size == 1)
    return with_plan(prepared, requantize=HalfUp.of(scale), acc_bits=32)


def _has_packed_int4(node: Node) -> bool:
    w = node.input(1)
    units, depth = w.shape
    fits = depth % 2 == 0 and depth >= LEAST_INT4_ROW and units >= LEAST_INT4_ROWS
    return w.type == TensorType.INT4 and w.constant is not None and fits


def fully_connected_float32(x: np.ndarray, w: np.ndarray, b: np.ndarray | None, plan: Float32Plan) -> np.ndarray:
    """Return y [..., O] float32: sums in Eigen's order, which the sizes decide, then the bias, then the clamp."""
    with np.errstate(all="ignore"):
        acc = matmul(base.rows_of(x, w), w, plan.l1_bytes)
    return finish_float32(acc, b, plan.low, plan.high).reshape(plan.output_shape)


def explain_float32(
    x: np.ndarray, w: np.ndarray, b: np.ndarray | None, plan: Float32Plan, element: tuple[int, ...]
) -> Explanation:
    """Explain y[element] of the float32 form."""
    e, (row, channel) = Explanation(), base.place_of(w, plan, element)
    products = explain_products(e, zip(base.row_at(x, w, row), w[channel].tolist()))
    explain_matmul(e, products, "acc", row, x.size // w.shape[1], channel, len(w), plan.l1_bytes)
    explain_float32_output(e, "acc", bias_of(b, channel), plan)
    return e


@np.errstate(all="ignore")
def fully_connected_int4(x: np.ndarray, w: np.ndarray, b: np.ndarray | None, plan: base.HybridPlan) -> np.ndarray:
    """Return y [..., O] float32 from float32 x and int4 w, each row of x quantized around zero.

    q, s[row] = row of x quantized to int8
    y[row, o] = clamp(b[o] + f32(f32(-7 sum_i q[i]) * s[row]) * filter_scale[o] + f32(f32(sum_i q[i] (w[o, i] + 7)) * s[row])
                * filter_scale[o]), every operation rounded
    """
    rows = base.rows_of(x, w)
    greatest = np.abs(rows).max(axis=1, initial=0, keepdims=True)
    scale = np.where(greatest == 0, np.float32(1), (greatest.astype(np.float64) / 127).astype(np.float32))
    inverse = np.where(greatest == 0, np.float32(0), (127.0 / greatest.astype(np.float64)).astype(np.float32))
    q = np.clip(round_half_away(rows * inverse), -127, 127).astype(np.int8)
    offset = (-INT4_OFFSET * q.sum(axis=1, dtype=np.int64, keepdims=True)).astype(np.float32) * scale * plan.filter_scale
    acc = integer_matmul(q, packed_int4(w).astype(np.int64)).astype(np.float32)
    y = (offset if b is None else offset + b.reshape(-1)) + acc * scale * plan.filter_scale
    return base.clamp_hybrid(y, plan)


def packed_int4(w: np.ndarray) -> np.ndarray:
    """What LiteRT's kernel for x86 reads for w + 7, int8 [O, I]: -8, which has no such form in 4 bits, spoils its neighbors.

    In a block of 32, two weights 16 apart share a byte. A -8 reads as 15; in the second half of the block its partner does too;
    in the first half, at positions 0, 1 of four, so does the weight 18 behind it, if the block is a whole one.
    """
    depth = w.shape[1]
    whole = depth // BLOCK * BLOCK
    lowest = np.pad(w == -8, ((0, 0), (0, -depth % BLOCK))).reshape(len(w), -1, BLOCK)
    spoiled = np.zeros_like(lowest)
    spoiled[..., :16] = lowest[..., 16:]
    spoiled[:, : whole // BLOCK, 18:] = lowest[:, : whole // BLOCK, :14] & (np.arange(14) % 4 < 2)
    packed = (w + INT4_OFFSET) % 16
    return np.where(spoiled.reshape(len(w), -1)[:, :depth], 15, packed)


def explain_int4(
    x: np.ndarray, w: np.ndarray, b: np.ndarray | None, plan: base.HybridPlan, element: tuple[int, ...]
) -> Explanation:
    """Explain y[element] of the form for packed int4 weights."""
    e, (row, channel) = Explanation(), base.place_of(w, plan, element)
    e.given("x", base.row_at(x, w, row), "the row of inputs, real")
    e.derive("greatest", "max(abs(x))", "the greatest magnitude, which becomes 127; a row of zeros has the scale 1")
    e.derive("scale", "float32(greatest / 127) if greatest else 1.0", "real units of an LSB")
    e.derive(
        "inverse", "float32(127 / greatest) if greatest else 0.0", "LSB in a real unit, which the inputs are multiplied with"
    )
    e.derive("scaled_x", "float32(x * inverse)", "in LSB, not yet rounded")
    e.derive("q", "round_half_away(clamp(scaled_x, -127.0, 127.0))", "the inputs in int8")
    weights = w[channel].tolist()
    e.given("w", weights, "the weights they meet, LSB")
    e.given(
        "w_read", [_read(weights, place) for place in range(len(weights))], "what is read for w + 7; -8 spoils itself and others"
    )
    e.derive("products", "q * w_read", "of each tap")
    e.derive("acc", "sum(products)", "the accumulator")
    e.derive("offset_acc", f"-{INT4_OFFSET} * sum(q)", "what takes the 7 off again")
    e.given("filter_scale", filter_scale_of(plan.filter_scale, channel), "real units of an LSB of the weights")
    start = e.derive("offset", "float32(float32(float32(offset_acc) * scale) * filter_scale)", "in real units")
    if b is not None:
        e.given("bias", bias_of(b, channel), "real")
        start = e.derive("start", "float32(offset + bias)")
    e.derive("scaled", "float32(float32(float32(acc) * scale) * filter_scale)", "the sum in real units")
    explain_clamp(e, e.derive("total", f"float32({start} + scaled)"), plan)
    return e


def _read(weights: list[int], place: int) -> int:
    """What the kernel takes for the weight + 7 at a place of its row."""
    block = weights[place // 32 * 32 :][:32]
    k, lowest = place % 32, [w == -8 for w in block]
    spoiled = len(block) == 32 and (lowest[k + 16] if k < 16 else k >= 18 and (k - 18) % 4 < 2 and lowest[k - 18])
    return 15 if spoiled or lowest[k] else block[k] + INT4_OFFSET
