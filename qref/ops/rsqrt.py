"""RSQRT: y = 1 / sqrt(x).

Layout   x [...] -> y [...]
Types    float32; int8, in fixed point; int16, by interpolated table
Scales   any; int16: zero points 0
Note     quantized x = 0 gives the greatest value that the output can hold; x < 0 is an error when the operator runs
Source   LiteRT, elementwise.cc; facts verified in tests/ops/test_unary.py and test_unary_quantized.py
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qref.arithmetic.explanation import Explanation
from qref.arithmetic.fixed_point import multiply_by_quantized_multiplier, quantize_multiplier
from qref.arithmetic.gemmlowp import get_inv_sqrt_quantized_multiplier_exp
from qref.arithmetic.lookup_table import lookup_table_16bit, rsqrt_or
from qref.errors import InputError
from qref.schema.enums import TensorType

from . import _function_formulas as formulas
from ._explain import explain_output_of_type
from ._explain_fixed_point import explain_inverse_sqrt, explain_multiplied
from ._explain_table import explain_table_16bit
from ._formulas import explain_by
from ._unary import TablePlan, by_table_16bit, expect_symmetric, operands, prepare_function, scales
from .node import Node, Prepared

FRACTION_BITS = 20  # of 1 / sqrt(x in LSB)


@dataclass(frozen=True, slots=True)
class RsqrtPlan:
    """The integers that are fixed before the first inference."""

    input_offset: int  # -zero_point(x), LSB
    output_offset: int  # +zero_point(y), LSB
    multiplier: int  # multiplier * 2^(shift - 31) = 1 / (sqrt(input_scale) * output_scale)
    shift: int


def prepare(node: Node) -> Prepared:
    """Check the operands and derive the plan."""
    x, y = operands(node, TensorType.FLOAT32, TensorType.INT8, TensorType.INT16)
    if x.type == TensorType.FLOAT32:
        return prepare_function(lambda x: np.float32(1) / np.sqrt(x), explain_by(*formulas.RSQRT))
    input_scale, output_scale = scales(node, x, y)
    with np.errstate(all="ignore"):
        if x.type == TensorType.INT16:
            expect_symmetric(node, x, y)
            highest, constants = np.float32(32767) * output_scale, (float(input_scale), 0, float(output_scale), 0)
            table = lookup_table_16bit(rsqrt_or(highest), *constants)
            return Prepared(rsqrt_int16, TablePlan(table), explain_table_16bit(formulas.rsqrt_or(highest), constants))
        multiplier, shift = quantize_multiplier(1.0 / np.float64(np.sqrt(input_scale) * output_scale))
    return Prepared(rsqrt_int8, RsqrtPlan(-x.zero_point, y.zero_point, int(multiplier), int(shift)), explain)


def rsqrt_int8(x: np.ndarray, plan: RsqrtPlan) -> np.ndarray:
    """Return y [...] int8.

    r    = 1 / sqrt(x[i] + input_offset), 20 fraction bits
    y[i] = clamp(r * multiplier * 2^(shift - 31 - 20) + output_offset), and 127 where x[i] + input_offset = 0
    """
    value = x.astype(np.int64) + plan.input_offset
    expect_no_negative(value)
    multiplier, shift = get_inv_sqrt_quantized_multiplier_exp(value)
    r = multiply_by_quantized_multiplier(1, multiplier, shift + FRACTION_BITS)
    y = multiply_by_quantized_multiplier(r, plan.multiplier, plan.shift - FRACTION_BITS) + plan.output_offset
    return np.asarray(np.where(value == 0, 127, np.clip(y, -128, 127))).astype(np.int8)


def rsqrt_int16(x: np.ndarray, plan: TablePlan) -> np.ndarray:
    """Return y[i] int16 between the two entries that stand around x[i] >= 0."""
    expect_no_negative(x)
    return by_table_16bit(x, plan)


def expect_no_negative(value: np.ndarray) -> None:
    """InputError where a value is below 0."""
    if np.any(value < 0):
        raise InputError(f"RSQRT is only defined for values of at least 0; the input holds one {-int(np.min(value))} LSB below")


def explain(x: np.ndarray, plan: RsqrtPlan, element: tuple[int, ...]) -> Explanation:
    """Explain y[element]."""
    e = Explanation()
    e.given("x", x[element].item(), "the stored value, LSB")
    e.given("input_offset", plan.input_offset, "minus the zero point of the input")
    e.derive("value", "x + input_offset")
    if e.value("value") == 0:
        e.derive("y", "127", "the greatest output where there is no root")
        return e
    e.derive("unit", "1")
    shift = explain_inverse_sqrt(e, "value")
    root = explain_multiplied(e, "unit", "multiplier", shift + FRACTION_BITS)
    e.derive("root", root, f"1 / sqrt(value), {FRACTION_BITS} bits behind the point")
    e.given("output_multiplier", plan.multiplier, "31 bits of 1 / (sqrt(s_x) * s_y)")
    scaled = explain_multiplied(e, "root", "output_multiplier", plan.shift - FRACTION_BITS)
    explain_output_of_type(e, scaled, plan.output_offset, x.dtype)
    return e
