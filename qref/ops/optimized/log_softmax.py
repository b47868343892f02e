"""LOG_SOFTMAX of the optimized kernels: y = (x - max(x)) - log(sum(exp(x - max(x)))) along the last axis.

Types    float32: Eigen's exp, the C library's for the last depth % 4 elements of a row, and Eigen's order of sums
         int8, uint8: a float32 table of the 256 exponentials, everything else in float32
Scales   as the reference
Source   LiteRT, activations.cc, optimized/optimized_ops.h; facts verified in tests/ops/test_softmax_optimized.py
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qref.arithmetic.explanation import Explanation
from qref.arithmetic.fixed_point import cast_int32
from qref.arithmetic.libm import expf, logf
from qref.schema.enums import TensorType

from .. import log_softmax as base
from .._eigen import LANES, exp, packet_sum
from .._explain import explain_output_of_type, explain_packet_sum, rounded_to_int32
from .._function_formulas import eigen_exp
from .._unary import AsIs, expect_representable_zero
from ..node import Node, Prepared


@dataclass(frozen=True, slots=True)
class LogSoftmaxTablePlan:
    """8-bit inputs."""

    table: np.ndarray  # float32 [256]: exp(-input_scale * k), k the distance from the greatest
    input_scale: np.float32
    output_scale: np.float32
    output_offset: int  # +zero_point(y), LSB


def prepare(node: Node) -> Prepared:
    """Check the operands and make the table."""
    base.prepare(node)
    x, y = node.input(0), node.output()
    if x.type == TensorType.FLOAT32:
        return Prepared(log_softmax_float32, AsIs(), explain_float32)
    expect_representable_zero(node, y)
    with np.errstate(all="ignore"):
        table = expf(-x.scale * np.arange(256).astype(np.float32))
    return Prepared(log_softmax_by_table, LogSoftmaxTablePlan(table, x.scale, y.scale, y.zero_point), explain_by_table)


@np.errstate(all="ignore")
def log_softmax_by_table(x: np.ndarray, plan: LogSoftmaxTablePlan) -> np.ndarray:
    """Return y [..., depth] int8 or uint8.

    log_sum = log(sum(table[max(x) - x]))                                               the sum in ascending order
    y       = clamp(rint(s_x / s_y * x - (s_x * max(x) + log_sum) / s_y) + output_offset)     float32, every step rounded
    """
    if x.size == 0:
        return np.zeros(x.shape, x.dtype)
    values, limits = x.astype(np.int16), np.iinfo(x.dtype)
    greatest = values.max(axis=-1, keepdims=True)
    log_sum = logf(np.add.accumulate(plan.table[greatest - values], axis=-1)[..., -1:])
    shift = (plan.input_scale * greatest.astype(np.float32) + log_sum) / plan.output_scale
    steps = np.rint(plan.input_scale / plan.output_scale * values.astype(np.float32) - shift)
    return np.clip(cast_int32(steps).astype(np.int64) + plan.output_offset, limits.min, limits.max).astype(x.dtype)


@np.errstate(all="ignore")
def log_softmax_float32(x: np.ndarray, plan: AsIs) -> np.ndarray:
    """Return y [..., depth] float32."""
    if x.size == 0:
        return np.zeros(x.shape, x.dtype)
    rows = x.reshape(-1, x.shape[-1])
    difference = rows - np.fmax.reduce(rows, axis=-1, keepdims=True)
    e, tail = exp(difference), rows.shape[1] // LANES * LANES
    e[:, tail:] = expf(difference[:, tail:])
    total = packet_sum(e, np.zeros(len(rows), np.int64))
    return (difference - logf(total)[:, None]).reshape(x.shape)


def explain_by_table(x: np.ndarray, plan: LogSoftmaxTablePlan, element: tuple[int, ...]) -> Explanation:
    """Explain y[element]."""
    e = Explanation()
    e.given("x", x[element[:-1]], "the row of stored values, LSB")
    e.given("position", element[-1], "of the element in its row")
    e.given("input_scale", plan.input_scale, "real units per LSB")
    e.given("output_scale", plan.output_scale, "real units per LSB")
    e.derive("greatest", "max(x)")
    e.derive("real", "float32(-input_scale * (greatest - x))", "the distances from the greatest, real")
    e.derive("e", "expf(real)", "the entries of the table, by the C library's function")
    e.derive("total", "sum32(e)", "one by one")
    e.derive("log_total", "logf(total)", "the C library's function")
    e.derive("real_greatest", "float32(input_scale * greatest)")
    e.derive("below", "float32(float32(real_greatest + log_total) / output_scale)", "LSB of the output")
    e.derive("ratio", "float32(input_scale / output_scale)")
    e.derive("steps", "float32(float32(ratio * x[position]) - below)", "LSB of the output")
    e.derive("rounded", rounded_to_int32("steps", "round_half_even"), "ties to even")
    explain_output_of_type(e, "rounded", plan.output_offset, x.dtype)
    return e


def explain_float32(x: np.ndarray, plan: AsIs, element: tuple[int, ...]) -> Explanation:
    """Explain y[element]."""
    e, size = base.explain_differences(x, element), x.shape[-1]
    tail = size // LANES * LANES
    if tail:
        e.derive("packets", f"difference[:{tail}]", "whole packets of four, which take Eigen's exponential")
        eigen_exp(e, "packets", "e_packets")
    e.derive("e_tail", f"expf(difference[{tail}:])", "behind them the C library's function")
    e.derive("e", "joined(e_packets, e_tail)" if tail else "e_tail")
    explain_packet_sum(e, "e", "total", 0)
    e.derive("log_total", "logf(total)", "the C library's function")
    e.derive("y", "float32(difference[position] - log_total)")
    return e
