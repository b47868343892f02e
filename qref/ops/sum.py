"""SUM: y = the sum of x over some axes.

Layout   x [...], axes [n] int32 -> y without these axes, or with 1 in their place (keep_dims)
Types    x, y int8 or uint8     x, y float32     x, y int32 or int64 (wrap)     x, y bool (or)
Scales   any for x and y: the sum is rescaled
Source   8-bit quantization specification, SUM; facts verified in tests/ops/test_reductions.py

The reference kernel reads int8 as if it were uint8, and writes it so: what is summed are the bytes 0 to 255, and the result is
clamped to 0 to 255 before it is read as int8 again. qref gives those bits. For int16 the same kernel writes only one half
of the output, so no result is defined.
"""

from __future__ import annotations

import numpy as np

from qref.arithmetic.explanation import Explanation
from qref.arithmetic.requantize import DoubleRounding
from qref.schema.enums import TensorType

from ._explain import explain_zero_point
from ._reduction import ReducePlan, fold_float32, prepare_reduction, reduced_count, rows, summed_values
from .mean import QuantizedPlan, requantize_sum
from .node import Node, Prepared

NUMBERS = (TensorType.FLOAT32, TensorType.INT32, TensorType.INT64, TensorType.BOOL)


def prepare(node: Node) -> Prepared:
    """Check the operands and derive the plan."""
    plan = prepare_reduction(node, TensorType.INT8, TensorType.UINT8, *NUMBERS)
    x, y = node.input(0), node.output()
    if x.type in NUMBERS:
        return Prepared(sum_float32 if x.type == TensorType.FLOAT32 else sum_integer, plan, explain_numbers)
    rule = DoubleRounding.of(np.array([np.float64(x.scale) / np.float64(y.scale)]))
    correction = -x.zero_point * reduced_count(x.shape, plan.axes)
    return Prepared(
        sum_bytes, QuantizedPlan(plan.axes, plan.output_shape, correction, rule, y.zero_point, np.dtype(np.uint8)), explain
    )


def sum_bytes(x: np.ndarray, axis: np.ndarray, plan: QuantizedPlan) -> np.ndarray:
    """Return y: clamp(requantize(sum(bytes of x) + correction) + output_offset) to 0 to 255, as the type of x."""
    if x.size == 0:
        return np.zeros(plan.output_shape, x.dtype)
    return requantize_sum(x.view(np.uint8).sum(axis=plan.axes, dtype=np.int64), plan).view(x.dtype)


def sum_float32(x: np.ndarray, axis: np.ndarray, plan: ReducePlan) -> np.ndarray:
    """Return y float32: the sum in the order of memory, every step rounded."""
    total = fold_float32(np.add, rows(x, plan.axes), 0.0)
    total = (
        total if plan.all_axes else total + np.float32(0)
    )  # the sum starts at 0, but at the first element where every axis goes
    return total.reshape(plan.output_shape)


def sum_integer(x: np.ndarray, axis: np.ndarray, plan: ReducePlan) -> np.ndarray:
    """Return y of the type of x, wrapping; of bools whether any is true."""
    values = rows(x, plan.axes)
    total = values.any(axis=1) if x.dtype == bool else values.sum(axis=1, dtype=x.dtype)
    return total.reshape(plan.output_shape)


def explain(x: np.ndarray, axis: np.ndarray, plan: QuantizedPlan, element: tuple[int, ...]) -> Explanation:
    """Explain y[element]."""
    e = Explanation()
    e.given("x", summed_values(x.view(np.uint8), plan.axes, element), "the inputs that the output is made of, as bytes 0 to 255")
    e.given("correction", plan.correction, "minus the zero point of the input, as often as there are inputs")
    e.derive("acc", "wrap(sum(x) + correction, 32)", "in units of s_x")
    explain_zero_point(e, plan.requantize.explain(e, "acc"), plan.output_offset)
    e.derive("byte", "clamp(with_offset, 0, 255)")
    e.derive("y", f"{x.dtype.name}(byte)", "the byte, read as the output's type")
    return e


def explain_numbers(x: np.ndarray, axis: np.ndarray, plan: ReducePlan, element: tuple[int, ...]) -> Explanation:
    """Explain y[element] of numbers without scale."""
    e = Explanation()
    e.given("x", summed_values(x, plan.axes, element), "the inputs that the output is made of, in the order of memory")
    formula = {"f": "sum32(x)", "b": "int_of(sum(x) > 0)"}.get(x.dtype.kind, f"wrap(sum(x), {8 * x.dtype.itemsize})")
    e.derive("y", formula, "one by one; integers wrap")
    return e
