"""SQUARED_DIFFERENCE: y = (x1 - x2)^2.

Layout   x1, x2 that broadcast to one shape -> y of that shape
Types    int8, quantized; int32, float32
Scales   any, as long as (2 max(s_1, s_2))^2 < 2^14 s_y
Source   facts verified in tests/ops/test_squared_difference.py
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from qref.arithmetic.explanation import Explanation
from qref.arithmetic.fixed_point import wrap_int32
from qref.schema.enums import TensorType

from ._elementwise import Scaling, element_of, finish, operands, zero_point
from ._explain import explain_output_of_type
from ._formulas import explain_by
from .node import Node, Operand, Prepared

LEFT_SHIFTS = {TensorType.INT8: 7}  # the square of a difference of 8 bits takes 16; 2 * 7 more fit


@dataclass(frozen=True, slots=True)
class SquaredDifferencePlan:
    """The integers that are fixed before the first inference."""

    input1: Scaling  # to 2 max(s_1, s_2) / 2^7
    input2: Scaling
    output: Scaling
    output_offset: int  # +zero_point(y), LSB
    output_dtype: np.dtype


def prepare(node: Node, left_shifts: Mapping[TensorType, int] = LEFT_SHIFTS) -> Prepared:
    """Check the operands and derive the plan; quantized types are those that have a left shift."""
    x1, x2 = operands(node, *left_shifts, TensorType.INT32, TensorType.FLOAT32)
    if x1.type not in left_shifts:
        difference = ("difference", "T(x1 - x2)", "")
        return Prepared(squared_difference, None, explain_by(difference, ("y", "T(difference * difference)", "")))
    y, left_shift = node.output(), left_shifts[x1.type]
    zero_points = [zero_point(node, operand) for operand in (x1, x2, y)]
    node.expect(min(x1.scale, x2.scale) > 0, f"{x1} has scale {x1.scale:g} and {x2} {x2.scale:g}; expected both above 0")
    input_scale = 2 * max(float(x1.scale), float(x2.scale))
    with np.errstate(all="ignore"):
        output_factor = float(np.float64(input_scale * input_scale) / np.float64(np.float32(2.0 ** (2 * left_shift)) * y.scale))

    def scaling(operand: Operand, zero_point: int) -> Scaling:
        return Scaling.of(node, float(operand.scale) / input_scale, str(operand), input_offset=-zero_point, left_shift=left_shift)

    output = Scaling.of(node, output_factor, f"output {y}")
    plan = SquaredDifferencePlan(scaling(x1, zero_points[0]), scaling(x2, zero_points[1]), output, zero_points[2], y.dtype)
    return Prepared(squared_difference_quantized, plan, explain)


def squared_difference_quantized(x1: np.ndarray, x2: np.ndarray, plan: SquaredDifferencePlan) -> np.ndarray:
    """Return y = clamp(scale_y((scale_1(x1) - scale_2(x2))^2) + output_offset)."""
    difference = plan.input1(x1) - plan.input2(x2)
    limits = np.iinfo(plan.output_dtype)
    squared = plan.output(wrap_int32(difference * difference))
    return finish(squared, plan.output_offset, limits.min, limits.max, plan.output_dtype)


def explain(x1: np.ndarray, x2: np.ndarray, plan: SquaredDifferencePlan, element: tuple[int, ...]) -> Explanation:
    """Explain y[element]."""
    e = Explanation()
    for q, x, scaling in (("q1", x1, plan.input1), ("q2", x2, plan.input2)):
        e.given(q, element_of(x, element), "the stored value, LSB")
        scaling.explain_operand(e, q, f"x{q[1]}")
    e.derive("difference", "scaled_x1 - scaled_x2", "at the scale that both have now")
    e.derive("acc", "wrap(difference * difference, 32)")
    explain_output_of_type(e, plan.output.explain(e, "acc"), plan.output_offset, plan.output_dtype)
    return e


@np.errstate(all="ignore")
def squared_difference(x1: np.ndarray, x2: np.ndarray, plan: None) -> np.ndarray:
    """Return y = (x1 - x2) * (x1 - x2); integers wrap."""
    difference = np.subtract(x1, x2)
    return np.asarray(difference * difference)
