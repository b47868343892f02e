"""QUANTIZE in XNNPACK.

float32 to int8, uint8, ties to even at every position; what is too great, and NaN, gives the upper limit:

    y = clamp(rint(min(x * float32(1 / s_y), qmax - zero_point(y))) + zero_point(y))

int8 to int8, uint8 to uint8: y = clamp(SingleRounding8(x - zero_point(x)) + zero_point(y)), with s_x / s_y in [2^-8, 2^7].
All else is left to LiteRT.
Source   facts verified in tests/ops/test_elementwise_runtimes.py
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from qref.arithmetic.explanation import Explanation
from qref.arithmetic.requantize import SingleRounding8
from qref.ops import quantize as reference
from qref.ops.node import Node, Prepared

from ._delegate import is_float32, is_q8, scale_ratio


@dataclass(frozen=True, slots=True)
class ReciprocalPlan:
    """Constants of real input."""

    reciprocal: np.float32  # 1 / scale(y), LSB per real unit
    output_offset: int  # +zero_point(y), LSB
    output_min: int  # LSB
    output_max: int
    output_dtype: np.dtype


def prepare(node: Node) -> Prepared | None:
    """The plan with XNNPACK's rounding; None for what the delegate leaves."""
    if len(node.inputs) != 1 or len(node.outputs) != 1:
        return None
    x, y = node.inputs[0], node.outputs[0]
    if x is None or not is_q8(y):
        return None
    if is_float32(x):
        plan = reference.prepare(node).plan
        with np.errstate(all="ignore"):
            reciprocal = np.float32(1) / y.scale
        return Prepared(quantize, ReciprocalPlan(reciprocal, y.zero_point, plan.output_min, plan.output_max, y.dtype), explain)
    if not is_q8(x) or x.type != y.type or not np.float32(2**-8) <= scale_ratio(x, y) <= 2**7:
        return None
    prepared = reference.prepare(node)
    return replace(prepared, plan=replace(prepared.plan, requantize=SingleRounding8.of(np.array([scale_ratio(x, y)]))))


def quantize(x: np.ndarray, plan: ReciprocalPlan) -> np.ndarray:
    """Return y = clamp(rint(min(x * reciprocal, output_max - output_offset)) + output_offset)."""
    lowest, greatest = np.float32(plan.output_min - plan.output_offset), np.float32(plan.output_max - plan.output_offset)
    with np.errstate(all="ignore"):
        steps = x * plan.reciprocal
        steps = np.where(steps < greatest, steps, greatest)  # NaN becomes the greatest
    return (np.rint(np.maximum(steps, lowest)).astype(np.int64) + plan.output_offset).astype(plan.output_dtype)


def explain(x: np.ndarray, plan: ReciprocalPlan, element: tuple[int, ...]) -> Explanation:
    """Explain y[element]."""
    e = Explanation()
    e.given("x", x[element].item(), "the real number")
    e.given("reciprocal", plan.reciprocal, "of the output's scale, in float32")
    e.given("output_offset", plan.output_offset, "the zero point of the output, LSB")
    e.given("output_min", plan.output_min, "the least output, LSB")
    e.given("output_max", plan.output_max, "the greatest output, LSB")
    e.derive("steps", "float32(x * reciprocal)", "in float32, LSB")
    e.derive("not_above", "steps if steps < output_max - output_offset else output_max - output_offset", "NaN too")
    e.derive("within", "max(not_above, output_min - output_offset)")
    e.derive("rounded", "round_half_even(within)", "the only rounding to an integer, ties to even")
    e.derive("y", "rounded + output_offset", "the output, LSB")
    return e
