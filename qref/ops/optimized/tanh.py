"""TANH of the optimized kernels: y = tanh(x).

Types    float32: Eigen's quotient of polynomials
         int16 with a scale of 2^-12 or 2^-11: fixed point, words with 3 integer bits; other types and scales: as the reference
Source   LiteRT, activations.cc, optimized/optimized_ops.h; facts verified in tests/ops/test_unary_optimized.py
"""

from __future__ import annotations

import numpy as np

from qref.arithmetic.explanation import Explanation
from qref.arithmetic.fixed_point import saturating_left_shift_16
from qref.arithmetic.gemmlowp import tanh as tanh_fixed_point
from qref.schema.enums import TensorType

from .. import _eigen
from .. import tanh as base
from .._explain_fixed_point import explain_exp_on_negative, explain_newton, saturated
from .._formulas import explain_steps
from .._function_formulas import eigen_tanh
from .._sigmoid import INTEGER_BITS, SigmoidPlan
from .._unary import prepare_function
from ..node import Node, Prepared


def prepare(node: Node) -> Prepared:
    """Check the operands; take the rules that differ from the reference's."""
    prepared = base.prepare(node)
    if node.input(0).type == TensorType.FLOAT32:
        return prepare_function(_eigen.tanh, explain_steps(eigen_tanh))
    if prepared.reference is base.tanh_int16 and prepared.plan.input_multiplier == 0:
        return Prepared(tanh_power_of_two, prepared.plan, explain_power_of_two)
    return prepared


def tanh_power_of_two(x: np.ndarray, plan: SigmoidPlan) -> np.ndarray:
    """Return y[i] int16 in fixed point, x shifted left to the scale 2^-12, saturating."""
    shifted = saturating_left_shift_16(x.astype(np.int64), plan.input_left_shift)
    return np.asarray(tanh_fixed_point(shifted, INTEGER_BITS, 16)).astype(np.int16)


def explain_power_of_two(x: np.ndarray, plan: SigmoidPlan, element: tuple[int, ...]) -> Explanation:
    """Explain y[element]."""
    e = Explanation()
    e.given("x", x[element].item(), "the stored value, LSB")
    e.derive("shifted", saturated(f"x * 2**{plan.input_left_shift}", 16), f"with {INTEGER_BITS} integer bits")
    e.derive("a", "-abs(shifted)", f"2 |x| with {INTEGER_BITS + 1} integer bits, negated")
    explain_exp_on_negative(e, "a", INTEGER_BITS + 1, 16)
    explain_newton(e, "e", 16)
    e.derive("positive", saturated("(inverse - 2**13) * 4", 16), "(1 - e) / (1 + e), of 2^15")
    e.derive("y", "0 if shifted == 0 else positive if shifted > 0 else -positive")
    return e
