"""What ADD and SUB share in XNNPACK: quantized operands, rounded once.

r_i    = float32(s_i / s_y),   n = 20 - floor(log2(max(r_1, r_2)))
m_i    = rint(r_i * 2^n)                                               at most 2^21
y      = clamp(((m_1 (x1 - z_1) +- m_2 (x2 - z_2) + 2^(n - 1)) >> n) + z_y)
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from qref.arithmetic.activation import activation_range_xnnpack
from qref.arithmetic.explanation import Explanation
from qref.ops._elementwise import element_of, finish, operands
from qref.ops._explain import explain_output
from qref.ops.node import Node, Operand, Prepared
from qref.schema.enums import TensorType

from ._delegate import has_plain_activation, has_rank, is_float16, is_float_or_q8, scale_ratio
from ._float import prepare_float

MULTIPLIER_BITS = 20
RATIOS = np.float32(2**-10), np.float32(2**8)


@dataclass(frozen=True, slots=True)
class VaddPlan:
    """The integers that are fixed before the first inference."""

    input1_offset: int  # -zero_point(x1), LSB
    input2_offset: int
    input1_multiplier: int  # s_1 / s_y * 2^shift
    input2_multiplier: int  # s_2 / s_y * 2^shift; negative for SUB
    shift: int  # to the right
    output_offset: int  # +zero_point(y), LSB
    output_activation_min: int  # LSB
    output_activation_max: int
    output_dtype: np.dtype


def is_taken(node: Node) -> bool:
    """Whether the delegate takes an operator of two operands: all of one type, a float or 8 bits, of at most six dimensions."""
    if len(node.inputs) != 2 or len(node.outputs) != 1 or None in node.inputs:
        return False
    x1, x2, y = *node.inputs, node.outputs[0]
    if not (x1.type == x2.type == y.type and has_plain_activation(node)):  # type: ignore[union-attr]
        return False
    return all(is_float_or_q8(operand) for operand in (x1, x2, y)) and has_rank(x1) and has_rank(x2)  # type: ignore[arg-type]


def prepare_vadd(node: Node, sign: int) -> Prepared | None:
    """Derive the plan; None for what the delegate leaves."""
    if not is_taken(node) or is_float16(node.input(0)):
        return None
    x1, x2, y = node.input(0), node.input(1), node.output()
    if x1.type == TensorType.FLOAT32:
        return prepare_float(node, np.add if sign > 0 else np.subtract, ("raw", f"float32(v1 {'+' if sign > 0 else '-'} v2)", ""))
    ratios = scale_ratio(x1, y), scale_ratio(x2, y)
    if not all(RATIOS[0] <= ratio < RATIOS[1] for ratio in ratios):
        return None
    operands(node, x1.type)
    return Prepared(vadd, _plan(node, x1, x2, y, sign, ratios), explain)


def _plan(node: Node, x1: Operand, x2: Operand, y: Operand, sign: int, ratios: tuple[np.float32, np.float32]) -> VaddPlan:
    shift = MULTIPLIER_BITS - (math.frexp(float(max(ratios)))[1] - 1)
    first, second = (round(float(ratio) * 2.0**shift) for ratio in ratios)
    limits = activation_range_xnnpack(node.activation, y.dtype, float(y.scale), y.zero_point)
    return VaddPlan(-x1.zero_point, -x2.zero_point, first, sign * second, shift, y.zero_point, *limits, y.dtype)


def vadd(x1: np.ndarray, x2: np.ndarray, plan: VaddPlan) -> np.ndarray:
    """Return y = clamp(((x1 + input1_offset) m_1 + (x2 + input2_offset) m_2) / 2^shift + output_offset), ties up."""
    first = (x1.astype(np.int64) + plan.input1_offset) * plan.input1_multiplier
    second = (x2.astype(np.int64) + plan.input2_offset) * plan.input2_multiplier
    total = (first + second + (1 << (plan.shift - 1))) >> plan.shift
    return finish(total, plan.output_offset, plan.output_activation_min, plan.output_activation_max, plan.output_dtype)


def explain(x1: np.ndarray, x2: np.ndarray, plan: VaddPlan, element: tuple[int, ...]) -> Explanation:
    """Explain y[element]."""
    e, operands = (
        Explanation(),
        ((x1, plan.input1_offset, plan.input1_multiplier), (x2, plan.input2_offset, plan.input2_multiplier)),
    )
    for i, (x, offset, multiplier) in enumerate(operands, 1):
        e.given(f"x{i}", element_of(x, element), "the stored value, LSB")
        e.given(f"input{i}_offset", offset, "minus its zero point")
        e.given(f"input{i}_multiplier", multiplier, f"s_{i} / s_y * 2^{plan.shift}; negative where it is subtracted")
        e.derive(f"product{i}", f"(x{i} + input{i}_offset) * input{i}_multiplier")
    e.derive("acc", "product1 + product2", f"in units of s_y / 2^{plan.shift}")
    e.derive("dropped", f"acc % 2**{plan.shift}", f"the low {plan.shift} bits, which the rounding drops")
    explain_output(e, e.derive("scaled", f"ties_up(acc, 2**{plan.shift})", "the only rounding, ties up"), plan)
    return e
