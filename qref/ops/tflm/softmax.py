"""SOFTMAX as TFLM computes it: for int16, beta * s_x is formed in float64 and the table of 1 / (1 + x) in float32."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qref.arithmetic.explanation import Explanation
from qref.arithmetic.fixed_point import quantize_multiplier
from qref.arithmetic.requantize import FixedPointRule
from qref.arithmetic.softmax import softmax_16bit
from qref.ops import softmax as base
from qref.ops._explain_softmax import explain_16bit
from qref.ops.node import Node, Prepared


@dataclass(frozen=True, slots=True)
class Softmax16Plan:
    """x - max(x) times multiplier * 2^(shift - 31), rounded by the runtime's rule, is in steps of 10 / 65535."""

    multiplier: int
    shift: int
    rule: type[FixedPointRule]


def prepare(node: Node) -> Prepared:
    """Check the operands and derive the plan."""
    prepared = base.prepare(node)
    if not isinstance(prepared.plan, base.Softmax16Plan):
        return prepared
    beta = float(np.float32(node.options.get("beta", 0.0)))
    multiplier, shift = quantize_multiplier(float(node.input(0).scale) * beta / (10.0 / 65535.0))
    return Prepared(softmax_int16, Softmax16Plan(int(multiplier), int(shift), node.fixed_point_rule()), explain)


def softmax_int16(x: np.ndarray, plan: Softmax16Plan) -> np.ndarray:
    """Return y [..., depth] int16."""
    if x.size == 0:
        return np.zeros(x.shape, np.int16)
    return softmax_16bit(x, plan.multiplier, plan.shift, plan.rule, np.float32)


def explain(x: np.ndarray, plan: Softmax16Plan, element: tuple[int, ...]) -> Explanation:
    """Explain y[element]."""
    scaling = plan.rule(np.array([plan.multiplier]), np.array([plan.shift]))
    return explain_16bit(x[element[:-1]].tolist(), element[-1], scaling, float32=True)
