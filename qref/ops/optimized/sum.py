"""SUM in LiteRT's optimized kernels.

int8, uint8, int16: in float32, rounded half away from zero, every step rounded,

    y = clamp(round(sum(x) * s + -zero_point(x) * s * n) + zero_point(y)),  s = s_x / s_y

float32: one by one, from the first element. All else as the reference.
Source   facts verified in tests/ops/test_reductions_runtimes.py
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from qref.arithmetic.explanation import Explanation
from qref.arithmetic.fixed_point import cast_int32, round_half_away, wrap_int32
from qref.ops import sum as reference
from qref.ops._explain import explain_output_of_type, rounded_to_int32
from qref.ops._movement import QUANTIZED
from qref.ops._reduction import prepare_reduction, reduced_count, rows, summed_values
from qref.ops.node import Node, Prepared, Shape
from qref.schema.enums import TensorType


@dataclass(frozen=True, slots=True)
class FloatSumPlan:
    """Constants of quantized tensors."""

    axes: Shape
    output_shape: Shape
    scale: np.float32  # s_x / s_y
    bias: np.float32  # -zero_point(x) * scale * n
    output_offset: int  # +zero_point(y), LSB
    output_dtype: np.dtype


def prepare(node: Node) -> Prepared:
    """Check the operands and derive the plan."""
    x, y = node.input(0), node.output()
    if x.type not in QUANTIZED:
        prepared = reference.prepare(node)
        return replace(prepared, plan=replace(prepared.plan, all_axes=True)) if x.type == TensorType.FLOAT32 else prepared
    plan = prepare_reduction(node, *QUANTIZED)
    with np.errstate(all="ignore"):
        scale = x.scale / y.scale
        bias = np.float32(-x.zero_point) * scale * np.float32(reduced_count(x.shape, plan.axes))
    return Prepared(sum_quantized, FloatSumPlan(plan.axes, plan.output_shape, scale, bias, y.zero_point, y.dtype), explain)


@np.errstate(all="ignore")
def sum_quantized(x: np.ndarray, axis: np.ndarray, plan: FloatSumPlan) -> np.ndarray:
    """Return y: clamp(round(sum(x) * scale + bias) + output_offset); zeros where there is nothing to sum."""
    if x.size == 0:
        return np.zeros(plan.output_shape, plan.output_dtype)
    acc = wrap_int32(rows(x, plan.axes).sum(axis=1, dtype=np.int64)).astype(np.float32)
    y = wrap_int32(cast_int32(round_half_away(acc * plan.scale + plan.bias)) + plan.output_offset)
    limits = np.iinfo(plan.output_dtype)
    return np.clip(y, limits.min, limits.max).astype(plan.output_dtype).reshape(plan.output_shape)


def explain(x: np.ndarray, axis: np.ndarray, plan: FloatSumPlan, element: tuple[int, ...]) -> Explanation:
    """Explain y[element]."""
    e = Explanation()
    e.given("x", summed_values(x, plan.axes, element), "the inputs that the output is made of, LSB")
    e.given("scale", plan.scale, "s_x / s_y in float32")
    e.given("bias", plan.bias, "minus zero point of the input * scale, as often as there are inputs, in float32")
    e.derive("acc", "wrap(sum(x), 32)")
    e.derive("product", "float32(float32(acc) * scale)")
    e.derive("steps", "float32(product + bias)", "LSB")
    e.derive("rounded", rounded_to_int32("steps"), "ties away from zero")
    explain_output_of_type(e, "rounded", plan.output_offset, plan.output_dtype)
    return e
