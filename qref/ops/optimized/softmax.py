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

from qref.arithmetic.explanation import Explanation
from qref.arithmetic.fixed_point import cast_int32, round_half_away
from qref.arithmetic.libm import expf
from qref.schema.enums import TensorType

from .. import softmax as base
from .._eigen import LANES, exp, packet_sum
from .._explain_eigen import explain_exp, explain_row_sum
from .._unary import QUANTIZED_8BIT
from ..node import Node, Prepared


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
        return Prepared(softmax_float32, base.FloatSoftmaxPlan(beta), explain_float32)
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


def explain(x: np.ndarray, plan: SoftmaxTablePlan, element: tuple[int, ...]) -> Explanation:
    """Return y[element] step by step."""
    e, row, limits = Explanation(), x[element[:-1]].tolist(), np.iinfo(plan.output_dtype)
    e.given("x", row, "the row of inputs that are summed up, LSB")
    e.given("position", element[-1], "of the element in its row")
    e.derive("greatest", "max(x)")
    e.derive("distances", "greatest - x", "LSB; the zero point cancels")
    e.given(
        "exponentials", [plan.table[max(row) - q] for q in row], "exp(-beta * scale * distance), the entries of the plan's table"
    )
    e.derive("exp", "exponentials[position]", "that of the element")
    e.derive("total", "sum32(exponentials)", "their sum, from the first to the last")
    e.given("output_scale", plan.output_scale, "real units per LSB")
    e.derive("inverse", "float32(divide(1.0, float32(total * output_scale)))", "of the sum, in LSB of the output")
    e.derive("product", "float32(exp * inverse)", "the output before it is rounded, LSB")
    if plan.output_dtype == np.uint8:
        e.derive("rounded", "cast_int32(float32(product + 0.5))", "1/2 added, the fraction cut off")
    elif np.isfinite(e.value("product")):
        e.derive("rounded", "cast_int32(round_half_away(product))", "ties away from zero")
    else:
        e.derive("rounded", "cast_int32(product)", "what x86 gives for numbers that 32 bits cannot hold")
    e.given("output_offset", plan.output_offset, "the zero point of the output")
    e.given("output_min", limits.min, "the least value of the output's type")
    e.given("output_max", limits.max, "the greatest one")
    e.derive("y", "clamp(rounded + output_offset, output_min, output_max)", "the output, LSB")
    return e


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


def explain_float32(x: np.ndarray, plan: base.FloatSoftmaxPlan, element: tuple[int, ...]) -> Explanation:
    """Return y[element] step by step; the exponentials of the row are given, each as the element's own is found."""
    e, size = Explanation(), x.shape[-1]
    row = int(np.ravel_multi_index(element, x.shape)) // size
    base.explain_float_distances(e, x.reshape(-1, size)[row], plan, element[-1])

    def exponential(e: Explanation, place: int) -> str:
        if row * size + place >= x.size // LANES * LANES:
            return e.derive("exp", "expf(exponent)", "by the C library, as fewer than four elements are left of the tensor")
        return explain_exp(e, "exponent", "exp")

    exponentials = []
    for place, exponent in enumerate(e.value("scaled_differences")):
        own = Explanation()
        own.given("exponent", exponent)
        exponentials.append(own.value(exponential(own, place)))
    e.given("exponentials", exponentials, "exp of the exponents of the whole row, each found as the element's own")
    e.derive("exponent", "scaled_differences[position]", "that of the element")
    exponential(e, element[-1])
    explain_row_sum(e, "exponentials", "total", row * size)
    e.derive("inverse", "float32(divide(1.0, total))")
    e.derive("y", "float32(exp * inverse)", "the output")
    return e
