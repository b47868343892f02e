"""RSQRT as TFLM computes it: int16 in fixed point like int8, no table; the scales' product is formed in float64.

r    = 1 / sqrt(x[i] + input_offset), 20 fraction bits
y[i] = clamp(requantize(r) + output_offset), and the greatest value of the type where x[i] + input_offset = 0
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from qref.arithmetic.explanation import Explanation
from qref.arithmetic.fixed_point import quantize_multiplier
from qref.arithmetic.gemmlowp import get_inv_sqrt_quantized_multiplier_exp
from qref.arithmetic.requantize import FixedPointRule
from qref.ops import rsqrt as base
from qref.ops._explain import explain_output_of_type
from qref.ops._explain_fixed_point import explain_inverse_sqrt, explain_multiplied
from qref.ops._unary import expect_symmetric, scales
from qref.ops.node import Node, Prepared
from qref.schema.enums import TensorType


@dataclass(frozen=True, slots=True)
class RsqrtPlan:
    """The integers that are fixed before the first inference, and the runtime's rule."""

    input_offset: int  # -zero_point(x), LSB
    output_offset: int  # +zero_point(y), LSB
    rule: type[FixedPointRule]  # of 1 / sqrt(x), whose multiplier depends on x
    requantize: FixedPointRule  # of r, by 2^-20 / (sqrt(s_x) * s_y)


def prepare(node: Node) -> Prepared:
    """Check the operands and derive the plan."""
    prepared = base.prepare(node)
    x, y = node.input(0), node.output()
    if x.type == TensorType.FLOAT32:
        return prepared
    if x.type == TensorType.INT16:
        expect_symmetric(node, x, y)
    input_scale, output_scale = scales(node, x, y)
    node.expect(input_scale > 0, f"{x} has the scale {input_scale}; expected one above 0")
    rule = node.fixed_point_rule()
    multiplier, shift = quantize_multiplier(np.atleast_1d(1 / (math.sqrt(input_scale) * float(output_scale))))
    return Prepared(rsqrt, RsqrtPlan(-x.zero_point, y.zero_point, rule, rule(multiplier, shift - base.FRACTION_BITS)), explain)


def rsqrt(x: np.ndarray, plan: RsqrtPlan) -> np.ndarray:
    """Return y [...] of x's type; InputError where x[i] + input_offset < 0."""
    limits = np.iinfo(x.dtype)
    value = x.reshape(-1).astype(np.int64) + plan.input_offset
    base.expect_no_negative(value)
    multiplier, shift = get_inv_sqrt_quantized_multiplier_exp(value)
    r = plan.rule(multiplier, shift + base.FRACTION_BITS)(np.ones_like(value))
    y = np.clip(plan.requantize(r) + plan.output_offset, limits.min, limits.max)
    return np.where(value == 0, limits.max, y).astype(x.dtype).reshape(x.shape)


def explain(x: np.ndarray, plan: RsqrtPlan, element: tuple[int, ...]) -> Explanation:
    """Explain y[element]."""
    e = Explanation()
    e.given("x", x[element].item(), "the stored value, LSB")
    e.given("input_offset", plan.input_offset, "minus the zero point of the input")
    e.derive("value", "x + input_offset")
    if e.value("value") == 0:
        e.derive("y", str(np.iinfo(x.dtype).max), "the greatest output where there is no root")
        return e
    e.derive("unit", "1")
    shift = explain_inverse_sqrt(e, "value")
    root = explain_multiplied(e, "unit", "multiplier", shift + base.FRACTION_BITS, plan.rule)
    e.derive("root", root, f"1 / sqrt(value), {base.FRACTION_BITS} bits behind the point")
    explain_output_of_type(e, plan.requantize.explain(e, "root"), plan.output_offset, x.dtype)
    return e
