"""What the operators that only clamp share: RELU, RELU6, RELU_N1_TO_1, RELU_0_TO_1.

    y = clamp(requantize(x + input_offset) + output_offset)

The limits are those of the fused activation function of the same name; scales are any, and rescaled by s_x / s_y in float32.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qref.arithmetic.activation import activation_range
from qref.arithmetic.requantize import Requantize
from qref.schema.enums import TensorType

from ._unary import expect_symmetric, operands, ratio, scales
from .node import Node, Prepared, Step


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
        return Prepared(clamp_float32, Float32ClampPlan(np.float32(low), np.float32(high)))
    if x.type == TensorType.INT16:
        expect_symmetric(node, x, y)
    rule = node.requantize(ratio(*scales(node, x, y)))
    qmin, qmax = activation_range(node.operator.name, y.dtype, float(y.scale), y.zero_point)
    return Prepared(clamp_quantized, ClampPlan(-x.zero_point, y.zero_point, rule, qmin, qmax), explain)


def clamp_quantized(x: np.ndarray, plan: ClampPlan) -> np.ndarray:
    """Return y[i] = clamp(requantize(x[i] + input_offset) + output_offset)."""
    scaled = plan.requantize(x.reshape(-1).astype(np.int64) + plan.input_offset) + plan.output_offset
    return np.clip(scaled, plan.output_activation_min, plan.output_activation_max).astype(x.dtype).reshape(x.shape)


def explain(x: np.ndarray, plan: ClampPlan, element: tuple[int, ...]) -> list[Step]:
    """Return y[element] step by step in plain Python integers."""
    value = int(x[element]) + plan.input_offset
    steps = [Step("x + input_offset", value)]
    steps += [Step(name, step) for name, step in plan.requantize.explain(value, 0)]
    result = steps[-1].value + plan.output_offset
    clamped = min(max(result, plan.output_activation_min), plan.output_activation_max)
    return [*steps, Step("+ output_offset", result), Step("clamped", clamped)]


def clamp_float32(x: np.ndarray, plan: Float32ClampPlan) -> np.ndarray:
    """Return y[i] = clamp(x[i]); NaN stays."""
    return np.asarray(np.clip(x, plan.low, plan.high))
