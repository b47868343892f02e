"""PRELU: y = x where x >= 0, else x * alpha.

Layout   x, alpha that broadcasts to the shape of x -> y of that shape
Types    int8, uint8, quantized; int16 with alpha int8; float32
         int16 with alpha int16: LiteRT reads the first half of alpha's bytes as int8, and so does this
Scales   any: s_x / s_y where x >= 0, s_x * s_alpha / s_y else, both in float32
Source   facts verified in tests/ops/test_prelu.py
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qref.arithmetic.explanation import Explanation
from qref.arithmetic.requantize import Requantize
from qref.schema.enums import TensorType

from ._elementwise import (
    QUANTIZED_TYPES,
    broadcast_shape,
    check_counts,
    check_same_type,
    element_of,
    finish,
    zero_point,
)
from ._explain import explain_output_of_type
from .node import Node, Prepared


@dataclass(frozen=True, slots=True)
class PreluPlan:
    """The integers that are fixed before the first inference."""

    input_offset: int  # -zero_point(x), LSB
    alpha_offset: int
    identity: Requantize  # s_x / s_y
    slope: Requantize  # s_x * s_alpha / s_y
    output_offset: int  # +zero_point(y), LSB
    output_dtype: np.dtype


def prepare(node: Node) -> Prepared:
    """Check the operands and derive the plan."""
    check_counts(node, 2)
    x, alpha, y = node.input(0), node.input(1), node.output()
    node.expect_type(x, *QUANTIZED_TYPES, TensorType.FLOAT32)
    if x.type == TensorType.INT16:
        node.expect_type(alpha, TensorType.INT8, TensorType.INT16)
    else:
        check_same_type(node, x, alpha)
    node.resize(0, broadcast_shape(node, x, alpha), x.type)
    message = f"{alpha} of shape {list(alpha.shape)} broadcasts {x} to {list(y.shape)}; expected {list(x.shape)}"
    node.expect(y.shape == x.shape, message)
    if x.type == TensorType.FLOAT32:
        return Prepared(prelu, None, explain_float32)
    offsets = [zero_point(node, operand) for operand in (x, alpha, y)]
    with np.errstate(all="ignore"):
        identity, slope = node.requantize(x.scale / y.scale), node.requantize(x.scale * alpha.scale / y.scale)
    return Prepared(prelu_quantized, PreluPlan(-offsets[0], -offsets[1], identity, slope, offsets[2], y.dtype), explain)


def prelu_quantized(x: np.ndarray, alpha: np.ndarray, plan: PreluPlan) -> np.ndarray:
    """Return y, v = x + input_offset: v >= 0: clamp(identity(v) + output_offset), else slope(v * (alpha + alpha_offset))."""
    v = x.astype(np.int64) + plan.input_offset
    product = v * (_as_8_bits(alpha).astype(np.int64) + plan.alpha_offset)
    scaled = np.where(v.reshape(-1) >= 0, plan.identity(v.reshape(-1)), plan.slope(product.reshape(-1))).reshape(x.shape)
    limits = np.iinfo(plan.output_dtype)
    return finish(scaled, plan.output_offset, limits.min, limits.max, plan.output_dtype)


def explain(x: np.ndarray, alpha: np.ndarray, plan: PreluPlan, element: tuple[int, ...]) -> Explanation:
    """Explain y[element]."""
    e, rule = Explanation(), plan.identity
    e.given("x", element_of(x, element), "the stored value, LSB")
    e.given("input_offset", plan.input_offset, "minus the zero point of the input")
    acc = e.derive("offset", "x + input_offset", "its sign decides whether the slope applies")
    if e.value("offset") < 0:
        e.given("alpha", element_of(_as_8_bits(alpha), element), "the stored slope, LSB")
        e.given("alpha_offset", plan.alpha_offset, "minus the zero point of alpha")
        acc, rule = "wrap(offset * (alpha + alpha_offset), 32)", plan.slope
    e.derive("acc", acc, "in units of s_x, or below zero of s_x * s_alpha")
    explain_output_of_type(e, rule.explain(e, "acc"), plan.output_offset, plan.output_dtype)
    return e


def _as_8_bits(alpha: np.ndarray) -> np.ndarray:
    """What the kernels read of alpha."""
    if alpha.dtype != np.int16:
        return alpha
    return np.frombuffer(alpha.tobytes(), np.int8)[: alpha.size].reshape(alpha.shape)


@np.errstate(all="ignore")
def prelu(x: np.ndarray, alpha: np.ndarray, plan: None) -> np.ndarray:
    """Return y = x >= 0 ? x : x * alpha."""
    return np.where(x >= 0, x, x * alpha)


def explain_float32(x: np.ndarray, alpha: np.ndarray, plan: None, element: tuple[int, ...]) -> Explanation:
    """Explain y[element]."""
    e = Explanation()
    e.given("x", element_of(x, element), "the real number")
    e.given("alpha", element_of(alpha, element), "the slope below zero")
    e.derive("y", "x if x >= 0 else float32(x * alpha)")
    return e
