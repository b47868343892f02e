"""SQRT: y = the square root of x.

Layout   x [...] -> y [...]
Types    float32; int8, int16
Scales   any; int16: zero points 0
Note     quantized results are truncated, not rounded; quantized x < 0 is an error when the operator runs
Source   LiteRT, elementwise.cc; facts verified in tests/ops/test_unary.py and test_unary_quantized.py
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qref.arithmetic.explanation import Explanation
from qref.arithmetic.fixed_point import cast_int32, wrap_int32
from qref.errors import InputError
from qref.schema.enums import TensorType

from ._explain import explain_output_of_type, rounded_to_int32
from ._formulas import explain_by
from ._function_formulas import SQRT
from ._unary import expect_symmetric, operands, prepare_function, scales
from .node import Node, Prepared


@dataclass(frozen=True, slots=True)
class SqrtPlan:
    """Scales and offsets: the computation itself is in float32."""

    input_scale: np.float32
    input_offset: int  # -zero_point(x), LSB
    output_scale: np.float32
    output_offset: int  # +zero_point(y), LSB


def prepare(node: Node) -> Prepared:
    """Check the operands and derive the plan."""
    x, y = operands(node, TensorType.FLOAT32, TensorType.INT8, TensorType.INT16)
    if x.type == TensorType.FLOAT32:
        return prepare_function(np.sqrt, explain_by(*SQRT))
    if x.type == TensorType.INT16:
        expect_symmetric(node, x, y)
    input_scale, output_scale = scales(node, x, y)
    return Prepared(sqrt, SqrtPlan(input_scale, -x.zero_point, output_scale, y.zero_point), explain)


def sqrt(x: np.ndarray, plan: SqrtPlan) -> np.ndarray:
    """Return y[i] = clamp(trunc(sqrt(input_scale * (x[i] + input_offset)) / output_scale) + output_offset), all in float32."""
    limits = np.iinfo(x.dtype)
    with np.errstate(all="ignore"):
        real = plan.input_scale * (x.astype(np.int64) + plan.input_offset).astype(np.float32)
        if np.any(real < 0):
            raise InputError(f"SQRT is only defined for values of at least 0; the input holds {float(np.min(real))}")
        steps = cast_int32(np.sqrt(real) / plan.output_scale)
    return np.asarray(np.clip(wrap_int32(steps + plan.output_offset), limits.min, limits.max)).astype(x.dtype)


def explain(x: np.ndarray, plan: SqrtPlan, element: tuple[int, ...]) -> Explanation:
    """Explain y[element]."""
    e = Explanation()
    e.given("x", x[element].item(), "the stored value, LSB")
    e.given("input_offset", plan.input_offset, "minus the zero point of the input")
    e.given("input_scale", plan.input_scale, "real units per LSB")
    e.given("output_scale", plan.output_scale, "real units per LSB")
    e.derive("real", "float32(input_scale * (x + input_offset))")
    e.derive("root", "sqrt(real)", "the nearest float32 number")
    e.derive("steps", "float32(root / output_scale)", "LSB")
    e.derive("whole", rounded_to_int32("steps", "trunc"), "the fraction is dropped")
    explain_output_of_type(e, "whole", plan.output_offset, x.dtype)
    return e
