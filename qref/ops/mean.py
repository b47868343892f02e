"""MEAN: y = the mean of x over some axes.

Layout   x [...], axes [n] int32 -> y without these axes, or with 1 in their place (keep_dims)
Types    x, y int8, uint8 or int16 (zero point 0)     x, y float32     x, y int32 or int64
Scales   any for x and y: the mean is rescaled
Source   8-bit quantization specification, MEAN; facts verified in tests/ops/test_reductions.py

The integers of quantized tensors are summed in int32. The division by the count n is part of the multiplier, which loses up to
one bit: with effective_scale = M * 2^(shift - 31) and k = floor(log2(n)),

    M' = floor(M * 2^k / n),  shift' = shift - k        k <= 32 and k <= 31 + shift
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qref.arithmetic.explanation import Explanation
from qref.arithmetic.fixed_point import quantize_multiplier, wrap_int32
from qref.arithmetic.requantize import DoubleRounding, FixedPointRule
from qref.schema.enums import TensorType

from ._explain import explain_output_of_type
from ._movement import QUANTIZED
from ._reduction import ReducePlan, fold_float32, prepare_reduction, reduced_count, rows, summed_values
from .node import Node, Prepared, Shape

NUMBERS = (TensorType.FLOAT32, TensorType.INT32, TensorType.INT64)


@dataclass(frozen=True, slots=True)
class QuantizedPlan:
    """The integers that are fixed before the first inference; `correction` and `requantize` are those of MEAN or of SUM."""

    axes: Shape
    output_shape: Shape
    correction: int  # -zero_point(x) * n, LSB
    requantize: FixedPointRule
    output_offset: int  # +zero_point(y), LSB
    output_dtype: np.dtype


def prepare(node: Node) -> Prepared:
    """Check the operands and derive the plan."""
    plan = prepare_reduction(node, *QUANTIZED, *NUMBERS)
    x, y = node.input(0), node.output()
    if x.type not in QUANTIZED:
        return Prepared(mean_float32 if x.type == TensorType.FLOAT32 else mean_integer, plan, explain_numbers)
    node.expect(x.type != TensorType.INT16 or x.zero_point == y.zero_point == 0, "int16 tensors need the zero point 0")
    count = reduced_count(x.shape, plan.axes)
    whole = quantize_multiplier(np.float64(x.scale) / np.float64(y.scale))
    multiplier, shift = divide_multiplier(int(whole[0]), int(whole[1]), count) if count else (0, 0)
    rule = DoubleRounding(np.array([multiplier]), np.array([shift]))
    return Prepared(
        mean, QuantizedPlan(plan.axes, plan.output_shape, -x.zero_point * count, rule, y.zero_point, y.dtype), explain
    )


def divide_multiplier(multiplier: int, shift: int, count: int) -> tuple[int, int]:
    """The constants of effective_scale / count.

    >>> divide_multiplier(2**30, 1, 6)
    (715827882, -1)
    """
    bits = min(count.bit_length() - 1, 32, 31 + shift)
    return (multiplier << bits) // count, shift - bits


def mean(x: np.ndarray, axis: np.ndarray, plan: QuantizedPlan) -> np.ndarray:
    """Return y: clamp(requantize(sum(x) + correction) + output_offset); zeros where there is nothing to sum."""
    if x.size == 0:
        return np.zeros(plan.output_shape, plan.output_dtype)
    return requantize_sum(x.sum(axis=plan.axes, dtype=np.int64), plan)


def requantize_sum(acc: np.ndarray, plan: QuantizedPlan) -> np.ndarray:
    """From sums of integers, which wrap as int32, to output values."""
    y = plan.requantize(wrap_int32(wrap_int32(acc) + plan.correction)) + plan.output_offset
    limits = np.iinfo(plan.output_dtype)
    return np.clip(y, limits.min, limits.max).astype(plan.output_dtype).reshape(plan.output_shape)


def explain(x: np.ndarray, axis: np.ndarray, plan: QuantizedPlan, element: tuple[int, ...]) -> Explanation:
    """Explain y[element]."""
    return explain_sum(summed_values(x, plan.axes, element), plan)


def explain_sum(values: tuple[int, ...], plan: QuantizedPlan) -> Explanation:
    """From the integers that are summed to one output value."""
    e = Explanation()
    e.given("x", values, "the inputs that the output is made of, LSB")
    e.given("correction", plan.correction, "minus the zero point of the input, as often as there are inputs")
    e.derive("acc", "wrap(sum(x) + correction, 32)", "in units of s_x")
    explain_output_of_type(e, plan.requantize.explain(e, "acc"), plan.output_offset, plan.output_dtype)
    return e


def mean_float32(x: np.ndarray, axis: np.ndarray, plan: ReducePlan) -> np.ndarray:
    """Return y float32: the sum in the order of memory, every step rounded, divided by the count; NaN where there is nothing."""
    if x.size == 0:
        return np.full(plan.output_shape, np.nan, np.float32)
    values = rows(x, plan.axes)
    total = fold_float32(np.add, values, 0.0) + np.float32(0)  # the sum starts at 0: -0 is lost
    return (total / np.float32(values.shape[1])).reshape(plan.output_shape)


def mean_integer(x: np.ndarray, axis: np.ndarray, plan: ReducePlan) -> np.ndarray:
    """Return y int32 or int64: the sum in int64 divided by the count, towards zero; zeros where there is nothing."""
    if x.size == 0:
        return np.zeros(plan.output_shape, x.dtype)
    count = reduced_count(x.shape, plan.axes)
    acc = rows(x, plan.axes).sum(axis=1, dtype=np.int64)
    quotient = acc // count
    return (quotient + ((acc < 0) & (quotient * count != acc))).astype(x.dtype).reshape(plan.output_shape)


def explain_numbers(x: np.ndarray, axis: np.ndarray, plan: ReducePlan, element: tuple[int, ...]) -> Explanation:
    """Explain y[element] of numbers without scale."""
    e, real = Explanation(), x.dtype.kind == "f"
    e.given("x", summed_values(x, plan.axes, element), "the inputs that the output is made of, in the order of memory")
    e.given("count", len(e.value("x")), "how many they are")
    e.derive("total", "sum32(x)" if real else "wrap(sum(x), 64)", "one by one")
    e.derive(
        "y", "float32(divide(total, count))" if real else "toward_zero(total, count) if count else 0", "towards zero" * (not real)
    )
    return e
