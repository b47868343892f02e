"""RSQRT as TFLM computes it: int16 in fixed point like int8, no table; the scales' product is formed in float64.

r    = 1 / sqrt(x[i] + input_offset), 20 fraction bits
y[i] = clamp(requantize(r) + output_offset), and the greatest value of the type where x[i] + input_offset = 0
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from qref.arithmetic.fixed_point import quantize_multiplier
from qref.arithmetic.gemmlowp import get_inv_sqrt_quantized_multiplier_exp
from qref.arithmetic.requantize import FixedPointRule
from qref.ops import rsqrt as base
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
    return Prepared(rsqrt, RsqrtPlan(-x.zero_point, y.zero_point, rule, rule(multiplier, shift - base.FRACTION_BITS)))


def rsqrt(x: np.ndarray, plan: RsqrtPlan) -> np.ndarray:
    """Return y [...] of x's type; InputError where x[i] + input_offset < 0."""
    limits = np.iinfo(x.dtype)
    value = x.reshape(-1).astype(np.int64) + plan.input_offset
    base.expect_no_negative(value)
    multiplier, shift = get_inv_sqrt_quantized_multiplier_exp(value)
    r = plan.rule(multiplier, shift + base.FRACTION_BITS)(np.ones_like(value))
    y = np.clip(plan.requantize(r) + plan.output_offset, limits.min, limits.max)
    return np.where(value == 0, limits.max, y).astype(x.dtype).reshape(x.shape)
