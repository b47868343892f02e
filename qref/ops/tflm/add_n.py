"""ADD_N as TFLM computes it: float32 sums start at 0, so that -0 is lost; int8 is scaled as in ADD.

Scales   int8: all operands have the scale and the zero point of the first, s_x < 2^19 s_y
         y = clamp(scale_y(sum of scale_x(q_i + input_offset)) + output_offset)
         scale_x by 2^20 / 2, scale_y by 2 s_x / (2^20 s_y)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from qref.arithmetic.explanation import Explanation
from qref.ops._elementwise import Scaling, check_same_type, finish, zero_point
from qref.ops._explain import explain_output_of_type
from qref.ops.add_n import prepare as prepare_base
from qref.ops.node import Node, Operand, Prepared
from qref.schema.enums import TensorType

LEFT_SHIFT = 20


@dataclass(frozen=True, slots=True)
class AddNPlan:
    """The integers that are fixed before the first inference."""

    input: Scaling
    output: Scaling
    output_offset: int  # +zero_point(y), LSB


def prepare(node: Node) -> Prepared:
    """Check the operands and derive the plan."""
    first: Operand = node.input(0)
    if first.type != TensorType.INT8:
        prepare_base(node)
        return Prepared(add_n_float32, None, explain_float32)
    y, others = node.output(), [node.input(position) for position in range(1, len(node.inputs))]
    node.expect(len(others) >= 1, "expected at least 2 inputs, found 1")
    check_same_type(node, first, *others, y)
    for other in others:
        alike = (other.shape, other.scale, other.zero_point) == (first.shape, first.scale, first.zero_point)
        node.expect(alike, f"{other} differs from {first} in shape, scale or zero point; expected all inputs alike")
    node.resize(0, first.shape)
    constants = {"input_offset": -zero_point(node, first), "left_shift": LEFT_SHIFT}
    factor = 2 * float(first.scale) / (2.0**LEFT_SHIFT * float(y.scale))
    plan = AddNPlan(Scaling.of(node, 0.5, str(first), **constants), Scaling.of(node, factor, str(y)), zero_point(node, y))
    return Prepared(add_n, plan, explain)


@np.errstate(all="ignore")
def add_n_float32(*arguments: Any) -> np.ndarray:
    """Return y = 0 + x1 + x2 + ... from left to right; the last argument is the plan, None."""
    total = np.zeros_like(arguments[0])
    for x in arguments[:-1]:
        total = total + x
    return np.asarray(total)


def add_n(*arguments: Any) -> np.ndarray:
    """Return y int8; arguments are the inputs, then the plan."""
    *inputs, plan = arguments
    total = sum((plan.input(x) for x in inputs), plan.input(0))
    return finish(plan.output(total), plan.output_offset, -128, 127, np.dtype(np.int8))


def explain_float32(*arguments: Any) -> Explanation:
    """Explain y[element]; arguments are the inputs, the plan and the element."""
    *inputs, _, element = arguments
    e = Explanation()
    e.given("x", [x[element].item() for x in inputs], "the operands' elements")
    e.derive("running", "cumsum32(x)", "the sum after each operand, from 0 on")
    e.derive("y", "sum32(x)", "the output")
    return e


def explain(*arguments: Any) -> Explanation:
    """Explain y[element]; arguments are the inputs, the plan and the element."""
    *inputs, plan, element = arguments
    e, scaled = Explanation(), []
    for number, x in enumerate(inputs, 1):
        e.given(f"q{number}", x[element].item(), "the stored value, LSB")
        scaled.append(plan.input.explain_operand(e, f"q{number}", f"x{number}"))
    e.derive("acc", " + ".join(scaled), "at the scale that all have now")
    explain_output_of_type(e, plan.output.explain(e, "acc"), plan.output_offset, np.dtype(np.int8))
    return e
