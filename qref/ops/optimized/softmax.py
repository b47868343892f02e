"""SOFTMAX of the optimized kernels: y = e / sum(e) along the last axis, e = exp(beta * (x - max(x))).

Types    int8, uint8: a float32 table of the 256 exponentials, sums and products in float32
         int16, float16: as the reference
         float32: Eigen's exp and its order of sums
Scales   y: 1/256 with zero point -128 (int8); uint8: any scale, the zero point is not looked at; int16: any
Source   LiteRT, activations.cc, optimized/optimized_ops.h; facts verified in tests/ops/test_softmax_optimized.py
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qref.arithmetic.fixed_point import cast_int32, round_half_away
from qref.arithmetic.libm import expf
from qref.schema.enums import TensorType

from .. import softmax as base
from .._eigen import LANES, exp, packet_sum
from .._unary import QUANTIZED_8BIT
from ..node import Node, Prepared, Step


@dataclass(frozen=True, slots=True)
class SoftmaxTablePlan:
    """8-bit inputs."""

    table: np.ndarray  # float32 [256]: exp(-beta * scale * k), k the distance from the greatest
    output_scale: np.float32
    output_offset: int  # +zero_point(y), LSB; 0 for uint8
    output_dtype: np.dtype


def prepare(node: Node) -> Prepared | None:
    """Check the operands and make the table."""
    x, y, beta = base.operands_of_softmax(node)
    if x.type == TensorType.FLOAT32:
        return Prepared(softmax_float32, base.FloatSoftmaxPlan(beta))
    if x.type not in QUANTIZED_8BIT:
        return None
    scale, offset = y.scale, 0 if y.type == TensorType.UINT8 else y.zero_point
    limits = np.iinfo(y.dtype)
    node.expect(limits.min <= offset <= limits.max, f"{y} has the zero point {offset}; expected a value of {y.type.name}")
    node.expect(scale > 0 and np.isfinite(scale), f"{y} has the scale {scale}; expected one above 0")
    with np.errstate(all="ignore"):
        table = expf(-x.scale * beta * np.arange(256).astype(np.float32))
    return Prepared(softmax_by_table, SoftmaxTablePlan(table, scale, offset, y.dtype), explain)


@np.errstate(all="ignore")
def softmax_by_table(x: np.ndarray, plan: SoftmaxTablePlan) -> np.ndarray:
    """Return y [..., depth] int8, uint8 or int16.

    e = table[max(x) - x]
    p = e * (1 / (sum(e) * output_scale))          float32, every step rounded, the sum in ascending order
    y = clamp(round(p) + output_offset)            ties away from zero; uint8: trunc(p + 1/2), the sum rounded to float32
    """
    if x.size == 0:
        return np.zeros(x.shape, plan.output_dtype)
    values, limits = x.astype(np.int16), np.iinfo(plan.output_dtype)
    e = plan.table[values.max(axis=-1, keepdims=True) - values]
    total = np.add.accumulate(e, axis=-1)[..., -1:]
    p = e * (np.float32(1) / (total * plan.output_scale))
    steps = p + np.float32(0.5) if plan.output_dtype == np.uint8 else round_half_away(p)
    return np.clip(cast_int32(steps).astype(np.int64) + plan.output_offset, limits.min, limits.max).astype(plan.output_dtype)


def explain(x: np.ndarray, plan: SoftmaxTablePlan, element: tuple[int, ...]) -> list[Step]:
    """Return y[element] step by step; sums and products of float32 numbers are taken in float64 and rounded to float32."""
    row = x[element[:-1]].tolist()
    greatest, limits = max(row), np.iinfo(plan.output_dtype)
    total = np.float32(0)
    for value in row:
        total = np.float32(float(total) + float(plan.table[greatest - value]))
    e = plan.table[greatest - row[element[-1]]]
    inverse = np.float32(1 / float(np.float32(float(total) * float(plan.output_scale))))
    p = np.float32(float(e) * float(inverse))
    steps = int(np.float32(float(p) + 0.5)) if plan.output_dtype == np.uint8 else int(float(p) + 0.5)
    result = min(max(steps + plan.output_offset, int(limits.min)), int(limits.max))
    return [
        Step("max(x) - x", greatest - row[element[-1]]),
        Step("e", float(e)),
        Step("sum(e)", float(total)),
        Step("1 / (sum(e) * output_scale)", float(inverse)),
        Step("p", float(p)),
        Step("rounded", steps),
        Step("+ output_offset, clamped", result),
    ]


@np.errstate(all="ignore")
def softmax_float32(x: np.ndarray, plan: base.FloatSoftmaxPlan) -> np.ndarray:
    """Return y [..., depth] = e * (1 / sum(e)): Eigen's exp, but the C library's for the last size % 4 elements of all."""
    if x.size == 0:
        return np.zeros(x.shape, x.dtype)
    rows = x.reshape(-1, x.shape[-1])
    difference = ((rows - np.fmax.reduce(rows, axis=-1, keepdims=True)) * plan.beta).reshape(-1)
    e = exp(difference)
    tail = slice(x.size // LANES * LANES, None)
    e[tail] = expf(difference[tail])
    e = e.reshape(rows.shape)
    total = packet_sum(e, np.arange(len(rows)) * rows.shape[1])
    return (e * (np.float32(1) / total)[:, None]).reshape(x.shape)
