"""MEAN and SUM in XNNPACK: which nodes the delegate takes, and how it sums.

Quantized tensors: y = clamp(rint(sum(x) * scale + bias)), ties to even, all in float32, with scale = s_x / s_y, for MEAN times
float32(1 / n), and bias = zero_point(y) - n * zero_point(x) * scale.

float32 tensors: the order decides.
Neighboring axes that are both kept or both reduced are merged. Then, for each index of the outer reduced
axes in the order of memory, the sum over the innermost one, times the scale, is added to the output, which starts at 0:

    last axis reduced   in lanes, as many as a register of the CPU holds: see sum_rows
    last axis kept      one by one
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from qref.arithmetic.explanation import Explanation
from qref.arithmetic.fused import flush_denormals, fma
from qref.ops._explain import explain_clamp
from qref.ops._extremum import ExtremumPlan
from qref.ops._reduction import reduced_count, summed_values
from qref.ops._reduction import rows as rows_of
from qref.ops.node import Node, Prepared, Shape
from qref.schema.enums import TensorType

from ..optimized._extremum import extremum
from ..optimized._merged import merge_axes
from ._cpu import float32_lanes
from ._delegate import has_rank, is_float32, is_q8

AT_A_TIME = 32
FUSED_LANES = 16  # AVX-512's kernel multiplies by the scale and adds in one rounding


@dataclass(frozen=True, slots=True)
class FloatSumPlan:
    """Constants of float32 tensors."""

    axes: Shape
    output_shape: Shape
    scale: np.float32  # of the sums
    lanes: int  # of a register of the CPU


@dataclass(frozen=True, slots=True)
class ScaledSumPlan:
    """Constants of quantized tensors."""

    axes: Shape
    output_shape: Shape
    scale: np.float32  # of the sums, s_x / s_y or that by n
    bias: np.float32  # zero_point(y) - n * zero_point(x) * scale, LSB
    output_dtype: np.dtype


def prepare_sum(node: Node, base: Callable[[Node], Prepared], mean: bool) -> Prepared | None:
    """Derive the plan of MEAN or SUM after the base operator's checks; None for what the delegate leaves."""
    if not is_taken(node) or not node.input(0).shape or 0 in node.input(0).shape:
        return None
    x, y = node.input(0), node.output()
    plan = base(node).plan
    count = np.float32(reduced_count(x.shape, plan.axes))
    part = np.float32(1) / count if mean else np.float32(1)
    if x.type == TensorType.FLOAT32:
        return Prepared(sum_float32, FloatSumPlan(plan.axes, plan.output_shape, part, float32_lanes()), explain_float32)
    with np.errstate(all="ignore"):
        scale = x.scale / y.scale * part
        bias = np.float32(y.zero_point) - count * np.float32(x.zero_point) * scale
    return Prepared(sum_quantized, ScaledSumPlan(plan.axes, plan.output_shape, scale, bias, y.dtype), explain)


def sum_float32(x: np.ndarray, axis: np.ndarray, plan: FloatSumPlan) -> np.ndarray:
    """Return y float32: sum(x) * scale."""
    return scaled_sums(x, plan.axes, plan.scale, plan.lanes).reshape(plan.output_shape)


def sum_quantized(x: np.ndarray, axis: np.ndarray, plan: ScaledSumPlan) -> np.ndarray:
    """Return y = clamp(rint(sum(x) * scale + bias)), ties to even, every step in float32."""
    acc = rows_of(x, plan.axes).sum(axis=1, dtype=np.int64)
    limits = np.iinfo(plan.output_dtype)
    with np.errstate(all="ignore"):
        y = np.rint(acc.astype(np.float32) * plan.scale + plan.bias)
    return np.clip(y, limits.min, limits.max).astype(plan.output_dtype).reshape(plan.output_shape)


def explain(x: np.ndarray, axis: np.ndarray, plan: ScaledSumPlan, element: tuple[int, ...]) -> Explanation:
    """Explain y[element]."""
    e, limits = Explanation(), np.iinfo(plan.output_dtype)
    e.given("x", summed_values(x, plan.axes, element), "the inputs that the output is made of, LSB")
    e.given("scale", plan.scale, "s_x / s_y in float32, for a mean times 1 / n")
    e.given("bias", plan.bias, "zero point of the output, less that of the input * scale, as often as there are inputs")
    e.derive("acc", "sum(x)")
    e.derive("product", "float32(float32(acc) * scale)")
    e.derive("steps", "float32(product + bias)", "LSB")
    e.derive("rounded", "round_half_even(steps)", "ties to even")
    explain_clamp(e, "rounded", limits.min, limits.max)
    return e


def is_taken(node: Node) -> bool:
    """Whether the delegate takes a reduction: float32 or 8 bits, over constant axes."""
    if len(node.inputs) != 2 or len(node.outputs) != 1 or None in node.inputs:
        return False
    x, axis, y = *node.inputs, node.outputs[0]
    if axis.type != TensorType.INT32 or axis.constant is None or axis.constant.size == 0:  # type: ignore[union-attr]
        return False
    return x.type == y.type and (is_float32(x) or (is_q8(x) and is_q8(y))) and has_rank(x)  # type: ignore[union-attr,arg-type]


@np.errstate(all="ignore")
def scaled_sums(x: np.ndarray, axes: Shape, scale: np.float32, lanes: int) -> np.ndarray:
    """Return the sums of x over its axes, times scale, float32 [outputs]; denormals are zeros."""
    sizes, reduced = merge_axes(x.shape, axes, drop_ones=False)
    x = flush_denormals(x.reshape(sizes))
    kept = [i for i, goes in enumerate(reduced) if not goes]
    gone = [i for i, goes in enumerate(reduced) if goes]
    outputs, inner = math.prod(sizes[i] for i in kept), sizes[gone[-1]]
    blocks = x.transpose(*kept, *gone).reshape(outputs, -1, inner)
    total: np.ndarray = np.zeros(outputs, np.float32)
    for outer in range(blocks.shape[1]):
        rows = blocks[:, outer]
        if not reduced[-1]:
            total = total + sum_in_order(rows) * scale
        elif lanes == FUSED_LANES:
            total = fma(sum_rows(rows, lanes), np.full_like(total, scale), total)
        else:
            total = total + sum_rows(rows, lanes) * scale
    return flush_denormals(total)


def sum_in_order(rows: np.ndarray) -> np.ndarray:
    """The sum of each row [outputs, n], from 0, one by one."""
    return np.add.accumulate(rows, axis=1, dtype=np.float32)[:, -1] + np.float32(0)


def sum_rows(rows: np.ndarray, lanes: int) -> np.ndarray:
    """The sum of each row [outputs, n] in lanes, 32 numbers at a time.

    Registers of 8 lanes: four, a to d, summed as (a + c) + (b + d); registers of 16: two, a + b. What is left of the 32 fills the
    registers once more, in order. The last n % lanes numbers are added to the first lanes of that sum. Then its halves are added,
    until one number is left.
    """
    size, count = rows.shape[1], AT_A_TIME // lanes
    registers = [np.zeros((len(rows), lanes), np.float32) for _ in range(count)]
    for position, start in enumerate(range(0, size - lanes + 1, lanes)):
        registers[position % count] = registers[position % count] + rows[:, start : start + lanes]
    while len(registers) > 1:
        half = len(registers) // 2
        registers = [first + second for first, second in zip(registers[:half], registers[half:])]
    v, tail = registers[0], rows[:, size // lanes * lanes :]
    v[:, : tail.shape[1]] += tail
    while v.shape[1] > 2:
        half = v.shape[1] // 2
        v = v[:, :half] + v[:, half:]
    return v[:, 0] + v[:, 1]


def extremum_of_normals(x: np.ndarray, axis: np.ndarray, plan: ExtremumPlan) -> np.ndarray:
    """Return y float32, the greatest or least element, where denormals are zeros."""
    return extremum(flush_denormals(x), axis, plan)


def explain_extremum(x: np.ndarray, axis: np.ndarray, plan: ExtremumPlan, element: tuple[int, ...]) -> Explanation:
    """Explain y[element] of extremum_of_normals."""
    e = Explanation()
    e.given("x", summed_values(x, plan.axes, element), "the inputs that the output is made of, in the order of memory")
    e.derive("v", "flush(x)", "denormals count as zeros")
    e.derive("y", f"fold_{'greatest' if plan.greatest else 'least'}(v)", "one by one from the first")
    return e


def explain_float32(x: np.ndarray, axis: np.ndarray, plan: FloatSumPlan, element: tuple[int, ...]) -> Explanation:
    """Explain y[element]."""
    e, (sizes, reduced) = Explanation(), merge_axes(x.shape, plan.axes, drop_ones=False)
    inner = [size for size, goes in zip(sizes, reduced) if goes][-1]
    e.given("x", summed_values(x, plan.axes, element), "the inputs that the output is made of, in the order of memory")
    e.given("scale", plan.scale, "1, of a mean 1 / n")
    e.derive("v", "flush(x)", "denormals count as zeros")
    total = "0.0"
    for block in range(len(e.value("x")) // inner):
        part = f"v[{block * inner}:{(block + 1) * inner}]"
        if reduced[-1]:
            _explain_row(e, block, part, inner, plan.lanes)
        else:
            e.derive(f"sum{block}", f"sum32({part})", "one by one")
        fused = reduced[-1] and plan.lanes == FUSED_LANES
        formula = f"fma(sum{block}, scale, {total})" if fused else f"float32({total} + float32(sum{block} * scale))"
        total = e.derive(f"total{block}", formula)
    e.derive("y", f"flush({total})", "denormals become zeros")
    return e


def _explain_row(e: Explanation, block: int, row: str, size: int, lanes: int) -> None:
    """Append the sum of a row in lanes, as sum_rows takes it."""
    whole = size // lanes * lanes
    width, value = AT_A_TIME, e.derive(f"row{block}", row)
    lane = e.derive(f"lanes{block}", f"lanes32({value}[:{whole}], {AT_A_TIME})", f"{AT_A_TIME} sums side by side")
    while width > 1:
        if width == lanes and whole < size:
            tail = f"float32({lane}[:{size - whole}] + {value}[{whole}:])"
            lane = e.derive(f"tail{block}", f"joined({tail}, {lane}[{size - whole}:])", "the last ones go to the first lanes")
        width //= 2
        halves = f"float32({lane}[:{width}] + {lane}[{width}:])" if width > 1 else f"float32({lane}[0] + {lane}[1])"
        lane = e.derive(f"lanes{block}_{width}" if width > 1 else f"sum{block}", halves, "halves added")
