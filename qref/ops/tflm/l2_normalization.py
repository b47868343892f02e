"""L2_NORMALIZATION as TFLM computes it: as LiteRT's reference, int8 rounded by the runtime's rule."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qref.arithmetic.explanation import Explanation
from qref.arithmetic.fixed_point import wrap_int32
from qref.arithmetic.gemmlowp import get_inv_sqrt_quantized_multiplier_exp
from qref.arithmetic.requantize import FixedPointRule
from qref.ops import l2_normalization as base
from qref.ops.node import Node, Prepared


@dataclass(frozen=True, slots=True)
class L2NormalizationPlan:
    """The integer that is fixed before the first inference, and the rule."""

    input_offset: int  # -zero_point(x), LSB
    rule: type[FixedPointRule]


def prepare(node: Node) -> Prepared:
    """Check the operands and derive the plan."""
    prepared = base.prepare(node)
    if not isinstance(prepared.plan, base.L2NormalizationPlan):
        return prepared
    return Prepared(l2_normalization, L2NormalizationPlan(prepared.plan.input_offset, node.fixed_point_rule()), explain)


def l2_normalization(x: np.ndarray, plan: L2NormalizationPlan) -> np.ndarray:
    """Return y [..., depth] int8: v / sqrt(sum(v^2)) with v = x + input_offset, 7 fraction bits."""
    v = x.astype(np.int64) + plan.input_offset
    multiplier, shift = get_inv_sqrt_quantized_multiplier_exp(wrap_int32((v * v).sum(axis=-1, keepdims=True)))
    return np.clip(plan.rule(multiplier, shift + base.OUTPUT_BITS)(v), -128, 127).astype(np.int8)


def explain(x: np.ndarray, plan: L2NormalizationPlan, element: tuple[int, ...]) -> Explanation:
    """Explain y[element]."""
    return base.explain(x, base.L2NormalizationPlan(plan.input_offset), element, plan.rule)
