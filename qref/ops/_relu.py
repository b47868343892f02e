"""What the operators that only clamp share: RELU, RELU6, RELU_N1_TO_1, RELU_0_TO_1.

    y = clamp(requantize(x + input_offset) + output_offset)

The limits are those of the fused activation function of the same name; scales are any, and rescaled by s_x / s_y in float32.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qref.arithmetic.activation import activation_range
from qref.arithmetic.explanation import Explanation
from qref.arithmetic.requantize import Requantize
from qref.schema.enums import TensorType

from ._explain import explain_clamp, explain_output
from ._unary import expect_symmetric, operands, ratio, scales
from .node import Node, Prepared


@dataclass(frozen=True, slots=True)
class ClampPlan:
    """The integers that are fixed before the first inference."""

    input_offset: int  # -zero_point(x), LSB
    output_offset: int  # +zero_point(y), LSB
    requantize: Requantize
    output_activation_min: int  # LSB
    output_activation_max: int


@dataclass(frozen=True, slots=True)
class Float32ClampPlan:
    """The float32 form."""

    low: np.float32
    high: np.float32


def prepare_clamp(node: Node, low: float, high: float, *types: TensorType) -> Prepared:
    """Check the operands and derive the plan; low and high are the real limits, infinite where there is none."""
    x, y = operands(node, *types)
    if x.type == TensorType.FLOAT32:
        return Prepared(clamp_float32, Float32ClampPlan(np.float32(low), np.float32(high)), explain_float32)
    if x.type == TensorType.INT16:
        expect_symmetric(node, x, y)
    rule = node.requantize(ratio(*scales(node, x, y)))
    qmin, qmax = activation_range(node.operator.name, y.dtype, float(y.scale), y.zero_point)
    return Prepared(clamp_quantized, ClampPlan(-x.zero_point, y.zero_point, rule, qmin, qmax), explain)


def clamp_quantized(x: np.ndarray, plan: ClampPlan) -> np.ndarray:
    """Return y[i] = clamp(requantize(x[i] + input_offset) + output_offset)."""
    scaled = plan.requantize(x.reshape(-1).astype(np.int64) + plan.input_offset) + plan.output_offset
    return np.clip(scaled, plan.output_activation_min, plan.output_activation_max).astype(x.dtype).reshape(x.shape)


def explain(x: np.ndarray, plan: ClampPlan, element: tuple[int, ...]) -> Explanation:
    """Explain y[element]."""
    e = Explanation()
    e.given("x", x[element].item(), "the stored value, LSB")
    e.given("input_offset", plan.input_offset, "minus the zero point of the input")
    e.derive("acc", "x + input_offset", "in units of s_x")
    explain_output(e, plan.requantize.explain(e, "acc"), plan)
    return e


def clamp_float32(x: np.ndarray, plan: Float32ClampPlan) -> np.ndarray:
    """Return y[i] = clamp(x[i]); NaN stays."""
    return np.asarray(np.clip(x, plan.low, plan.high))


def explain_float32(x: np.ndarray, plan: Float32ClampPlan, element: tuple[int, ...]) -> Explanation:
    """Explain y[element]."""
    e = Explanation()
    explain_clamp(e, e.given("x", x[element].item(), "the real number"), plan.low, plan.high, "real")
    return e
