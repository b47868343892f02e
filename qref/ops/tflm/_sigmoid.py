"""What LOGISTIC and TANH of int8 share in TFLM: gemmlowp's functions on 32-bit fixed point with four integer bits.

    v    = x + input_offset
    y[i] = clamp(divide(f(requantize(v)), 31 - fraction_bits) + output_offset),  and -128 or 127 where |v| >= input_range_radius

requantize takes LSB to Q4.27, so it is the runtime's rule for s_x * 2^27; f gives Q0.31, divide rounds ties away from zero.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from qref.arithmetic.explanation import Explanation
from qref.arithmetic.fixed_point import rounding_divide_by_pot
from qref.arithmetic.gemmlowp import logistic
from qref.arithmetic.requantize import Requantize
from qref.ops._explain_gemmlowp import divide, explain_logistic, explain_tanh
from qref.ops._unary import scales
from qref.ops.node import Node, Prepared

INTEGER_BITS = 4


@dataclass(frozen=True, slots=True)
class FixedPointPlan:
    """The integers that are fixed before the first inference, and the function on Q4.27."""

    function: Callable[..., np.ndarray]
    input_offset: int  # -zero_point(x), LSB
    requantize: Requantize
    input_range_radius: int  # LSB; beyond, the output is saturated
    fraction_bits: int  # of the output
    output_offset: int  # LSB


def prepare_fixed_point(node: Node, function: Callable[..., np.ndarray], fraction_bits: int, output_offset: int) -> Prepared:
    """Derive the plan; the output's scale is not read, it is taken for 2^-fraction_bits."""
    x, y = node.input(0), node.output()
    input_scale, _ = scales(node, x, y)
    real = float(input_scale) * 2.0 ** (31 - INTEGER_BITS)
    shift = math.frexp(real)[1]
    node.expect(0 <= shift <= 30, f"{x} has the scale {input_scale}; expected one from 2^-28 to below 2^3")
    radius = math.floor((2**INTEGER_BITS - 1) * 2.0 ** (31 - INTEGER_BITS - shift))
    plan = FixedPointPlan(function, -x.zero_point, node.requantize(real), radius, fraction_bits, output_offset)
    return Prepared(by_fixed_point, plan, explain)


def by_fixed_point(x: np.ndarray, plan: FixedPointPlan) -> np.ndarray:
    """Return y [...] int8."""
    v = x.reshape(-1).astype(np.int64) + plan.input_offset
    inside = np.abs(v) < plan.input_range_radius
    q0 = plan.function(plan.requantize(np.where(inside, v, 0)), INTEGER_BITS)
    y = np.clip(rounding_divide_by_pot(q0, 31 - plan.fraction_bits) + plan.output_offset, -128, 127)
    return np.where(inside, y, np.where(v < 0, -128, 127)).astype(np.int8).reshape(x.shape)


def explain(x: np.ndarray, plan: FixedPointPlan, element: tuple[int, ...]) -> Explanation:
    """Explain y[element]."""
    e = Explanation()
    e.given("x", x[element].item(), "the stored value, LSB")
    e.given("input_offset", plan.input_offset, "minus the zero point of the input")
    e.given("input_range_radius", plan.input_range_radius, "where the function counts as saturated, LSB")
    e.derive("v", "x + input_offset")
    if abs(e.value("v")) >= plan.input_range_radius:
        e.derive("y", "127 if v >= input_range_radius else -128", "saturated")
        return e
    scaled = plan.requantize.explain(e, "v")
    function = explain_logistic if plan.function is logistic else explain_tanh
    function(e, scaled, "value", INTEGER_BITS, 32)
    divide(e, "rounded", "value", 31 - plan.fraction_bits, f"of 2^{plan.fraction_bits}, ties away from zero", "ties_away")
    e.given("output_offset", plan.output_offset, "the zero point of the output, LSB")
    e.derive("y", "clamp(rounded + output_offset, -128, 127)", "the output, LSB")
    return e
