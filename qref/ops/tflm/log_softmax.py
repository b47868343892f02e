"""LOG_SOFTMAX as TFLM computes it: as LiteRT's reference, int8 rounded by the runtime's rule."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qref.arithmetic.explanation import Explanation
from qref.arithmetic.requantize import FixedPointRule
from qref.arithmetic.softmax import log_softmax_8bit
from qref.ops import log_softmax as base
from qref.ops.node import Node, Prepared


@dataclass(frozen=True, slots=True)
class LogSoftmaxPlan:
    """The constants of LiteRT's kernel, and the rule."""

    constants: base.LogSoftmaxPlan
    rule: type[FixedPointRule]


def prepare(node: Node) -> Prepared:
    """Check the operands and derive the plan."""
    prepared = base.prepare(node)
    if not isinstance(prepared.plan, base.LogSoftmaxPlan):
        return prepared
    return Prepared(log_softmax, LogSoftmaxPlan(prepared.plan, node.fixed_point_rule()), explain)


def log_softmax(x: np.ndarray, plan: LogSoftmaxPlan) -> np.ndarray:
    """Return y [..., depth] int8 in fixed point."""
    if x.size == 0:
        return np.zeros(x.shape, x.dtype)
    c = plan.constants
    return log_softmax_8bit(x, c.multiplier, c.left_shift, c.diff_min, c.reverse_multiplier, c.reverse_shift, plan.rule)


def explain(x: np.ndarray, plan: LogSoftmaxPlan, element: tuple[int, ...]) -> Explanation:
    """Explain y[element]."""
    return base.explain(x, plan.constants, element, plan.rule)
