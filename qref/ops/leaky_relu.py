"""LEAKY_RELU: y = x, and alpha * x below zero.

Layout   x [...] -> y [...]
Types    float32; int8, uint8; int16 with zero points 0
Scales   any; rescaled by s_x / s_y or s_x * |alpha| / s_y, both in float32; a negative alpha negates what comes of it
Source   LiteRT, activations.cc, reference/leaky_relu.h; facts verified in tests/ops/test_relu.py
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qref.arithmetic.explanation import Explanation
from qref.arithmetic.requantize import Requantize
from qref.schema.enums import TensorType

from ._explain import explain_output_of_type
from ._unary import QUANTIZED_8BIT, expect_symmetric, operands, ratio, scales
from .node import Node, Prepared


@dataclass(frozen=True, slots=True)
class LeakyReluPlan:
    """The integers that are fixed before the first inference."""

    input_offset: int  # -zero_point(x), LSB
    output_offset: int  # +zero_point(y), LSB
    requantize: Requantize  # of x >= 0
    requantize_alpha: Requantize  # of x < 0, by s_x * |alpha| / s_y
    alpha_sign: int


@dataclass(frozen=True, slots=True)
class Float32LeakyReluPlan:
    """The float32 form."""

    alpha: np.float32


def prepare(node: Node) -> Prepared:
    """Check the operands and derive the plan."""
    x, y = operands(node, TensorType.FLOAT32, *QUANTIZED_8BIT, TensorType.INT16)
    alpha = np.float32(node.options.get("alpha", 0.0))
    if x.type == TensorType.FLOAT32:
        return Prepared(leaky_relu_float32, Float32LeakyReluPlan(alpha), explain_float32)
    if x.type == TensorType.INT16:
        expect_symmetric(node, x, y)
    input_scale, output_scale = scales(node, x, y)
    with np.errstate(all="ignore"):
        alpha_scale = np.abs(input_scale * alpha)
    identity, scaled = (node.requantize(ratio(scale, output_scale)) for scale in (input_scale, alpha_scale))
    return Prepared(leaky_relu, LeakyReluPlan(-x.zero_point, y.zero_point, identity, scaled, -1 if alpha < 0 else 1), explain)


def leaky_relu(x: np.ndarray, plan: LeakyReluPlan) -> np.ndarray:
    """Return y [...].

    v    = x[i] + input_offset
    y[i] = clamp((requantize(v) if v >= 0 else alpha_sign * requantize_alpha(v)) + output_offset)
    """
    limits = np.iinfo(x.dtype)
    v = x.reshape(-1).astype(np.int64) + plan.input_offset
    scaled = np.where(v >= 0, plan.requantize(v), plan.alpha_sign * plan.requantize_alpha(v))
    return np.clip(scaled + plan.output_offset, limits.min, limits.max).astype(x.dtype).reshape(x.shape)


def explain(x: np.ndarray, plan: LeakyReluPlan, element: tuple[int, ...]) -> Explanation:
    """Explain y[element]."""
    e = Explanation()
    e.given("x", x[element].item(), "the stored value, LSB")
    e.given("input_offset", plan.input_offset, "minus the zero point of the input")
    e.derive("acc", "x + input_offset", "its sign chooses the factor: s_x / s_y, or below zero alpha times it")
    scaled = (plan.requantize if e.value("acc") >= 0 else plan.requantize_alpha).explain(e, "acc")
    if e.value("acc") < 0 and plan.alpha_sign < 0:
        scaled = e.derive("negated", f"-{scaled}", "alpha is negative, its factor is not")
    explain_output_of_type(e, scaled, plan.output_offset, x.dtype)
    return e


def leaky_relu_float32(x: np.ndarray, plan: Float32LeakyReluPlan) -> np.ndarray:
    """Return y[i] = x[i] if x[i] > 0 else x[i] * alpha."""
    with np.errstate(all="ignore"):
        return np.where(x > 0, x, x * plan.alpha)


def explain_float32(x: np.ndarray, plan: Float32LeakyReluPlan, element: tuple[int, ...]) -> Explanation:
    """Explain y[element]."""
    e = Explanation()
    e.given("x", x[element].item(), "the real number")
    e.given("alpha", plan.alpha, "the slope below zero")
    e.derive("y", "x if x > 0 else float32(x * alpha)")
    return e
