"""REDUCE_PROD: y = the product of x over some axes.

Layout   x [...], axes [n] int32 -> y without these axes, or with 1 in their place (keep_dims)
Types    x, y quantized int8 or int16 (zero point 0), float32; int8, int16, int32 or int64 (wrap); bool (and)
Scales   any for x and y: each of the n factors is rescaled by s_x / s_y^(1/n)
Source   facts verified in tests/ops/test_reductions.py
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qref.arithmetic.explanation import Explanation
from qref.arithmetic.requantize import SingleRounding64
from qref.schema.enums import TensorType

from ._explain import explain_output_of_type
from ._movement import expect_same_parameters
from ._reduction import ReducePlan, fold_float32, prepare_reduction, reduced_count, rows, summed_values
from .node import Node, Prepared, Shape

TYPES = (TensorType.INT8, TensorType.INT16, TensorType.FLOAT32, TensorType.INT32, TensorType.INT64, TensorType.BOOL)


@dataclass(frozen=True, slots=True)
class QuantizedProductPlan:
    """The integers that are fixed before the first inference."""

    axes: Shape
    output_shape: Shape
    input_offset: int  # -zero_point(x), LSB
    output_offset: int  # +zero_point(y), LSB
    requantize: SingleRounding64  # after every factor
    output_dtype: np.dtype


def prepare(node: Node) -> Prepared:
    """Check the operands and derive the plan."""
    plan = prepare_reduction(node, *TYPES)
    x, y = node.input(0), node.output()
    if x.quantization is None:
        if x.type in (TensorType.INT8, TensorType.INT16):
            expect_same_parameters(node, x, y)
        return Prepared(product_float32 if x.type == TensorType.FLOAT32 else product_integer, plan, explain_numbers)
    node.expect_type(x, TensorType.INT8, TensorType.INT16)
    node.expect(x.type != TensorType.INT16 or x.zero_point == y.zero_point == 0, "int16 tensors need the zero point 0")
    count = reduced_count(x.shape, plan.axes)
    node.expect(0 not in x.shape, f"{x} of shape {list(x.shape)} is empty: the product of nothing has no scale")
    scale = np.float64(x.scale) / np.float64(y.scale) ** (1.0 / count)
    rule = SingleRounding64.of(np.array([scale]))
    offsets = (-x.zero_point, y.zero_point)
    return Prepared(product_quantized, QuantizedProductPlan(plan.axes, plan.output_shape, *offsets, rule, y.dtype), explain)


def product_quantized(x: np.ndarray, axis: np.ndarray, plan: QuantizedProductPlan) -> np.ndarray:
    """Return y.

    acc = x[0] + input_offset;  acc = requantize(acc * (x[k] + input_offset)) for k = 1 to n - 1
    y   = clamp(requantize(acc) + output_offset)
    """
    values = rows(x, plan.axes).astype(np.int64) + plan.input_offset
    acc = values[:, 0]
    for k in range(1, values.shape[1]):
        acc = plan.requantize(acc * values[:, k])
    limits = np.iinfo(plan.output_dtype)
    y = np.clip(plan.requantize(acc) + plan.output_offset, limits.min, limits.max)
    return y.astype(plan.output_dtype).reshape(plan.output_shape)


def product_float32(x: np.ndarray, axis: np.ndarray, plan: ReducePlan) -> np.ndarray:
    """Return y float32: the product in the order of memory, every step rounded; 1 where there is nothing."""
    return fold_float32(np.multiply, rows(x, plan.axes), 1.0).reshape(plan.output_shape)


def product_integer(x: np.ndarray, axis: np.ndarray, plan: ReducePlan) -> np.ndarray:
    """Return y of the type of x, wrapping; of bools whether all are true."""
    values = rows(x, plan.axes)
    total = values.all(axis=1) if x.dtype == bool else values.prod(axis=1, dtype=x.dtype)
    return total.reshape(plan.output_shape)


def explain(x: np.ndarray, axis: np.ndarray, plan: QuantizedProductPlan, element: tuple[int, ...]) -> Explanation:
    """Explain y[element]."""
    e = Explanation()
    e.given("x", summed_values(x, plan.axes, element), "the factors, LSB")
    e.given("input_offset", plan.input_offset, "minus the zero point of the input")
    acc = e.derive("acc0", "x[0] + input_offset", "the first factor")
    for k in range(1, len(e.value("x"))):
        acc = e.derive(
            f"acc{k}", f"{plan.requantize.explain(e, acc) if k > 1 else acc} * (x[{k}] + input_offset)", "times the next"
        )
    explain_output_of_type(e, plan.requantize.explain(e, acc), plan.output_offset, plan.output_dtype)
    return e


def explain_numbers(x: np.ndarray, axis: np.ndarray, plan: ReducePlan, element: tuple[int, ...]) -> Explanation:
    """Explain y[element] of numbers without scale."""
    e = Explanation()
    e.given("x", summed_values(x, plan.axes, element), "the inputs that the output is made of, in the order of memory")
    formula = {"f": "product32(x)", "b": "product(x)"}.get(x.dtype.kind, f"wrap(product(x), {8 * x.dtype.itemsize})")
    e.derive("y", formula, "one by one; integers wrap")
    return e
