"""L2_NORMALIZATION: y = x / sqrt(sum(x^2)) along the last axis.

Layout   x [..., depth] -> y [..., depth]
Types    float32; int8, uint8
Scales   y: 1/128 with zero point 0 (int8) or 128 (uint8)
Source   LiteRT, l2norm.cc, reference/integer_ops/l2normalization.h; facts verified in tests/ops/test_normalization.py
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qref.arithmetic.explanation import Explanation
from qref.arithmetic.fixed_point import multiply_by_quantized_multiplier, wrap_int32
from qref.arithmetic.gemmlowp import get_inv_sqrt_quantized_multiplier_exp
from qref.arithmetic.requantize import DoubleRounding, FixedPointRule
from qref.schema.enums import TensorType

from ._explain import explain_clamp
from ._explain_fixed_point import explain_inverse_sqrt, explain_multiplied
from ._unary import QUANTIZED_8BIT, AsIs, expect_representable_zero, operands
from .node import Node, Prepared

LEAST_NORM = np.float32(1e-6)
OUTPUT_BITS = 7  # y has steps of 2^-7


@dataclass(frozen=True, slots=True)
class L2NormalizationPlan:
    """The integer that is fixed before the first inference."""

    input_offset: int  # -zero_point(x), LSB


def prepare(node: Node) -> Prepared:
    """Check the operands and derive the plan."""
    x, y = operands(node, TensorType.FLOAT32, *QUANTIZED_8BIT)
    node.expect(len(x.shape) >= 1, f"{x} has no dimension; expected [..., depth]")
    if node.activation != "NONE":
        node.unsupported(f"fused activation function {node.activation}; L2_NORMALIZATION takes none")
    if x.type == TensorType.FLOAT32:
        return Prepared(l2_normalization_float32, AsIs(), explain_float32)
    expect_representable_zero(node, x)
    zero_point = 0 if y.type == TensorType.INT8 else 128
    message = f"{y} has the scale {y.scale} and the zero point {y.zero_point}; L2_NORMALIZATION needs {1 / 128} and {zero_point}"
    node.expect(y.scale == 1 / 128 and y.zero_point == zero_point, message)
    return Prepared(l2_normalization, L2NormalizationPlan(-x.zero_point), explain)


def l2_normalization(x: np.ndarray, plan: L2NormalizationPlan) -> np.ndarray:
    """Return y [..., depth].

    v  = x + input_offset
    r  = 1 / sqrt(sum(v^2)) as multiplier * 2^(shift - 31)
    y  = clamp(v * r * 2^7)             int8: 2^7 is in the shift;  uint8: v * 2^7 comes first, and 128 is added
    """
    v = x.astype(np.int64) + plan.input_offset
    multiplier, shift = get_inv_sqrt_quantized_multiplier_exp(wrap_int32((v * v).sum(axis=-1, keepdims=True)))
    if x.dtype == np.int8:
        return np.clip(multiply_by_quantized_multiplier(v, multiplier, shift + OUTPUT_BITS), -128, 127).astype(np.int8)
    return np.clip(multiply_by_quantized_multiplier(v << OUTPUT_BITS, multiplier, shift) + 128, 0, 255).astype(np.uint8)


def l2_normalization_float32(x: np.ndarray, plan: AsIs) -> np.ndarray:
    """Return y [..., depth] float32: squares summed in ascending order, every step rounded; the norm is 10^-6 at least."""
    if x.size == 0:
        return np.zeros(x.shape, x.dtype)
    with np.errstate(all="ignore"):
        norm = np.sqrt(np.add.accumulate(x * x, axis=-1)[..., -1:])
        return x / np.maximum(norm, LEAST_NORM)


def explain(
    x: np.ndarray, plan: L2NormalizationPlan, element: tuple[int, ...], rule: type[FixedPointRule] = DoubleRounding
) -> Explanation:
    """Explain y[element], rounded by the rule."""
    e, signed = Explanation(), x.dtype == np.int8
    e.given("x", x[element[:-1]], "the row of stored values, LSB")
    e.given("position", element[-1], "of the element in its row")
    e.given("input_offset", plan.input_offset, "minus the zero point of the input")
    e.derive("v", "x + input_offset")
    e.derive("acc", "wrap(sum(v * v), 32)", "the sum of squares")
    shift = explain_inverse_sqrt(e, "acc")
    e.derive(
        "value", "v[position]" if signed else f"v[position] * 2**{OUTPUT_BITS}", "" if signed else "the output's steps of 2^-7"
    )
    scaled = explain_multiplied(e, "value", "multiplier", shift + OUTPUT_BITS if signed else shift, rule)
    e.derive("with_offset", f"{scaled} + {0 if signed else 128}", "the zero point of the output")
    limits = np.iinfo(x.dtype)
    explain_clamp(e, "with_offset", limits.min, limits.max)
    return e


def explain_float32(x: np.ndarray, plan: AsIs, element: tuple[int, ...]) -> Explanation:
    """Explain y[element]."""
    e = Explanation()
    e.given("x", x[element[:-1]], "the row of real numbers")
    e.given("position", element[-1], "of the element in its row")
    e.given("least_norm", LEAST_NORM, "what the norm is at least")
    e.derive("squares", "float32(x * x)")
    e.derive("acc", "sum32(squares)", "one by one")
    e.derive("norm", "max(sqrt(acc), least_norm)")
    e.derive("y", "float32(x[position] / norm)")
    return e
