"""MEAN in LiteRT's optimized kernels.

int8, uint8 [B, H, W, C] over H and W with keep_dims: the zero points are taken together, rounded once, half away from zero,

    y = clamp(requantize(sum(x)) + zero_point(y) - round(zero_point(x) * s_x / s_y)),  effective_scale = s_x / (n * s_y)

all in float32; whole blocks of 16 channels by HalfUp, the others by DoubleRounding.
float32: over the last axis alone, axes of one element aside and neighbors merged, in Eigen's order; else one by one from the
first element.
All else as the reference.
Source   facts verified in tests/ops/test_reductions_runtimes.py
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from qref.arithmetic.explanation import Explanation
from qref.arithmetic.fixed_point import cast_int32, wrap_int32
from qref.arithmetic.requantize import DoubleRounding, HalfUpBlocks
from qref.ops import mean as reference
from qref.ops._eigen import LANES, packet_sum
from qref.ops._explain import explain_clamp, explain_packet_sum, place_of
from qref.ops._reduction import ReducePlan, fold_float32, reduced_count, rows, summed_values
from qref.ops.node import Node, Operand, Prepared, Shape
from qref.schema.enums import TensorType

from ._blocks import half_up_in_blocks
from ._merged import merge_axes

BLOCK = 16


@dataclass(frozen=True, slots=True)
class SpatialMeanPlan:
    """The integers that are fixed before the first inference, for the mean over height and width."""

    output_shape: Shape
    requantize: HalfUpBlocks  # of the sums, by s_x / (n * s_y)
    output_offset: int  # zero_point(y) - round(zero_point(x) * s_x / s_y), LSB
    output_dtype: np.dtype


def prepare(node: Node) -> Prepared:
    """The reference's plan, or that of a special case."""
    prepared = reference.prepare(node)
    x, y, plan = node.input(0), node.output(), prepared.plan
    if x.type == TensorType.FLOAT32:
        return Prepared(mean_float32, plan, explain_float32)
    spatial = len(x.shape) == 4 and plan.axes == (1, 2) and node.options.get("keep_dims", False) and 0 not in x.shape
    if x.type not in (TensorType.INT8, TensorType.UINT8) or not spatial:
        return prepared
    return Prepared(spatial_mean, _spatial_plan(x, y, plan), explain)


def _spatial_plan(x: Operand, y: Operand, plan: reference.QuantizedPlan) -> SpatialMeanPlan:
    half = np.float32(0.5)
    with np.errstate(all="ignore"):
        offset = np.float32(x.zero_point) * x.scale / y.scale
        offset = offset + half if offset > 0 else offset - half
        scale = x.scale / (np.float32(reduced_count(x.shape, plan.axes)) * y.scale)
    rule = half_up_in_blocks(DoubleRounding.of(np.array([np.float64(scale)])), x.shape[3], BLOCK)
    return SpatialMeanPlan(plan.output_shape, rule, int(wrap_int32(y.zero_point - cast_int32(offset))), y.dtype)


def spatial_mean(x: np.ndarray, axis: np.ndarray, plan: SpatialMeanPlan) -> np.ndarray:
    """Return y: clamp(requantize(sum(x)) + output_offset)."""
    limits = np.iinfo(plan.output_dtype)
    acc = wrap_int32(x.sum(axis=(1, 2), dtype=np.int64))
    y = wrap_int32(plan.requantize(acc) + plan.output_offset)
    return np.clip(y, limits.min, limits.max).astype(plan.output_dtype).reshape(plan.output_shape)


def explain(x: np.ndarray, axis: np.ndarray, plan: SpatialMeanPlan, element: tuple[int, ...]) -> Explanation:
    """Explain y[element]."""
    e = Explanation()
    e.given("x", x[element[0], :, :, element[-1]], "the inputs that the output is made of, LSB")
    e.derive("acc", "wrap(sum(x), 32)", "in units of s_x, zero points not taken off")
    scaled = plan.requantize.explain(e, "acc", element)
    e.given("output_offset", plan.output_offset, "the zero point of the output less that of the input, rounded by itself")
    e.derive("with_offset", f"wrap({scaled} + output_offset, 32)")
    limits = np.iinfo(plan.output_dtype)
    explain_clamp(e, "with_offset", limits.min, limits.max)
    return e


@np.errstate(all="ignore")
def mean_float32(x: np.ndarray, axis: np.ndarray, plan: ReducePlan) -> np.ndarray:
    """Return y float32: the sum, every step rounded, divided by the count n; NaN where there is nothing, x where n is 1."""
    if x.size == 0:
        return np.full(plan.output_shape, np.nan, np.float32)
    sizes, reduced = merge_axes(x.shape, plan.axes, drop_ones=True)
    if not any(reduced):
        return x.reshape(plan.output_shape).copy()
    if reduced == [False, True]:
        values = x.reshape(sizes)
        total = packet_sum(values, np.arange(sizes[0]) * sizes[1] % LANES)
    else:
        values = rows(x, plan.axes)
        total = fold_float32(np.add, values, 0.0)
    return (total / np.float32(math.prod(values.shape[1:]))).reshape(plan.output_shape)


def explain_float32(x: np.ndarray, axis: np.ndarray, plan: ReducePlan, element: tuple[int, ...]) -> Explanation:
    """Explain y[element]."""
    e, (sizes, reduced) = Explanation(), merge_axes(x.shape, plan.axes, drop_ones=True)
    e.given("x", summed_values(x, plan.axes, element), "the inputs that the output is made of, in the order of memory")
    e.given("count", len(e.value("x")), "how many they are")
    if reduced == [False, True] and x.size:
        explain_packet_sum(e, "x", "total", place_of(element, plan.output_shape) * sizes[1] % LANES)
    else:
        e.derive("total", "sum32(x)", "one by one")
    e.derive("y", "float32(divide(total, count))")
    return e
