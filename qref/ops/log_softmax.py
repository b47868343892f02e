"""LOG_SOFTMAX: y = (x - max(x)) - log(sum(exp(x - max(x)))) along the last axis.

Layout   x [..., depth] -> y [..., depth]
Types    float32; int8, uint8, in 32-bit fixed point
Scales   y: 1/16 with zero point 127 (int8) or 255 (uint8)
Source   LiteRT, activations.cc, reference/integer_ops/log_softmax.h; facts verified in tests/ops/test_softmax.py
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qref.arithmetic.explanation import Explanation
from qref.arithmetic.libm import expf, logf
from qref.arithmetic.requantize import DoubleRounding, FixedPointRule
from qref.arithmetic.softmax import log_softmax_8bit, log_softmax_scaling
from qref.schema.enums import TensorType

from ._explain import explain_clamp
from ._explain_fixed_point import explain_exp_on_negative, explain_log, explain_multiplied, high
from ._unary import QUANTIZED_8BIT, AsIs, operands
from .node import Node, Prepared


@dataclass(frozen=True, slots=True)
class LogSoftmaxPlan:
    """x - max(x) times multiplier * 2^(left_shift - 31) is in steps of 2^-26; the reverse multiplier takes it back."""

    multiplier: int
    left_shift: int
    diff_min: int  # LSB; what is farther below the greatest counts as minus infinity
    reverse_multiplier: int
    reverse_shift: int


def prepare(node: Node) -> Prepared:
    """Check the operands and derive the plan."""
    x, y = operands(node, TensorType.FLOAT32, *QUANTIZED_8BIT)
    node.expect(len(x.shape) >= 1, f"{x} has no dimension; expected [..., depth]")
    if x.type == TensorType.FLOAT32:
        return Prepared(log_softmax_float32, AsIs(), explain_float32)
    zero_point = int(np.iinfo(y.dtype).max)
    message = f"{y} has the scale {y.scale} and the zero point {y.zero_point}; LOG_SOFTMAX needs {1 / 16} and {zero_point}"
    node.expect(y.scale == 1 / 16 and y.zero_point == zero_point, message)
    node.expect(x.scale > 0, f"{x} has the scale {x.scale}; expected one above 0")
    return Prepared(log_softmax, LogSoftmaxPlan(*log_softmax_scaling(float(x.scale))), explain)


def log_softmax(x: np.ndarray, plan: LogSoftmaxPlan) -> np.ndarray:
    """Return y [..., depth] in fixed point; the least value of the type where x is too far below the greatest."""
    if x.size == 0:
        return np.zeros(x.shape, x.dtype)
    return log_softmax_8bit(x, plan.multiplier, plan.left_shift, plan.diff_min, plan.reverse_multiplier, plan.reverse_shift)


def log_softmax_float32(x: np.ndarray, plan: AsIs) -> np.ndarray:
    """Return y [..., depth] float32: exponentials summed in ascending order, every step rounded."""
    if x.size == 0:
        return np.zeros(x.shape, x.dtype)
    with np.errstate(all="ignore"):
        difference = x - np.fmax.reduce(x, axis=-1, keepdims=True, initial=np.finfo(np.float32).min)
        total = np.add.accumulate(expf(difference), axis=-1)[..., -1:]
        return difference - logf(total)


def explain_float32(x: np.ndarray, plan: AsIs, element: tuple[int, ...]) -> Explanation:
    """Explain y[element]."""
    e = explain_differences(x, element)
    e.derive("e", "expf(difference)", "the C library's function")
    e.derive("total", "sum32(e)", "one by one")
    e.derive("log_total", "logf(total)", "the C library's function")
    e.derive("y", "float32(difference[position] - log_total)")
    return e


def explain_differences(x: np.ndarray, element: tuple[int, ...]) -> Explanation:
    """The first steps: a row, and how far its real numbers lie below the greatest."""
    e = Explanation()
    e.given("x", x[element[:-1]], "the row of real numbers")
    e.given("position", element[-1], "of the element in its row")
    e.given("lowest", np.finfo(np.float32).min, "the least finite number")
    e.derive("greatest", "greatest_of(x, lowest)")
    e.derive("difference", "float32(x - greatest)")
    return e


def explain(
    x: np.ndarray, plan: LogSoftmaxPlan, element: tuple[int, ...], rule: type[FixedPointRule] = DoubleRounding
) -> Explanation:
    """Explain y[element]; the rule rounds the results of multipliers whose exponential is not taken."""
    e, limits = Explanation(), np.iinfo(x.dtype)
    e.given("x", x[element[:-1]], "the row of stored values, LSB")
    e.given("position", element[-1], "of the element in its row")
    e.given("scale_multiplier", plan.multiplier, "31 bits, to words with 5 integer bits")
    e.given("diff_min", plan.diff_min, "what lies farther below the greatest counts as minus infinity, LSB")
    e.given("reverse_multiplier", plan.reverse_multiplier, "31 bits, back to LSB")
    e.derive("greatest", "max(x)")
    e.derive("difference", "x - greatest", "LSB")
    e.derive("bounded", f"clamp(difference, {max(plan.diff_min, -255)}, 0)", "what lies farther is left out below")
    e.derive("a", high(f"(bounded * 2**{plan.left_shift})", "scale_multiplier"), "with 5 integer bits")
    explain_exp_on_negative(e, "a", 5, 32)
    e.derive("e_of_sum", "where(clamp(difference - diff_min + 1, 0, 1), ties_away(e, 2**12), 0)", "with 12 integer bits")
    e.derive("total", "wrap(sum(e_of_sum), 32)")
    explain_log(e, "total")
    e.derive("log_less", "wrap(log - 2**31, 32)")
    least = explain_multiplied(e, "log_less", "reverse_multiplier", plan.reverse_shift, rule)
    e.derive("least", f"max(diff_min - 1, {least})", "a difference down to here gives the least output, LSB")
    e.derive("own", "difference[position]", "of the element")
    rescaled = explain_multiplied(e, "own", "scale_multiplier", plan.left_shift, rule)
    e.derive("log_softmax", f"wrap({rescaled} - log, 32)", "with 5 integer bits")
    e.derive("dropped", "log_softmax % 2**22", "the low 22 bits, which the rounding drops")
    e.derive("steps", "ties_away(log_softmax, 2**22)", "in steps of 1/16, ties away from zero")
    e.derive("with_offset", f"steps + {limits.max} if own > least else {limits.min}", "the zero point of the output")
    explain_clamp(e, "with_offset", limits.min, limits.max)
    return e
