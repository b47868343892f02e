"""LOGISTIC of the optimized kernels: y = 1 / (1 + exp(-x)).

Types    float32: Eigen's exp(x / 2)^2 over one more than itself, the C library's exp for the last size % 4 elements
         float16: see `logistic_float16`
         int16 with a scale of 2^-12: fixed point, words with 3 integer bits; other scales, int8, uint8: as the reference
Source   LiteRT, activations.cc, optimized/optimized_ops.h; facts verified in tests/ops/test_unary_optimized.py
"""

from __future__ import annotations

import numpy as np

from qref.arithmetic.explanation import Explanation
from qref.arithmetic.gemmlowp import logistic as logistic_fixed_point
from qref.arithmetic.libm import expf
from qref.schema.enums import TensorType

from .. import _eigen
from .. import logistic as base
from .._explain_fixed_point import explain_exp_on_negative, explain_newton, saturated
from .._formulas import explain_by, explain_in_packets
from .._function_formulas import eigen_logistic, eigen_logistic_tail
from .._sigmoid import INTEGER_BITS, SigmoidPlan
from .._unary import prepare_function
from ..node import Node, Prepared

FLOAT16 = (
    ("e", "float16(expf(x))", "exp(x), infinite beyond 65504"),
    ("whole", "float16(1 + e)", ""),
    ("y", "1.0 if e > 65504 else float16(divide(e, whole))", "the output"),
)


def prepare(node: Node) -> Prepared:
    """Check the operands; take the rules that differ from the reference's."""
    prepared = base.prepare(node)
    if node.input(0).type == TensorType.FLOAT32:
        return prepare_function(logistic, explain_in_packets(eigen_logistic, eigen_logistic_tail))
    if node.input(0).type == TensorType.FLOAT16:
        return prepare_function(logistic_float16, explain_by(*FLOAT16))
    if prepared.reference is base.logistic_int16 and prepared.plan.input_multiplier == 0:
        return Prepared(logistic_power_of_two, prepared.plan, explain_power_of_two)
    return prepared


def logistic(x: np.ndarray) -> np.ndarray:
    """Return y[i] float32 = e / (1 + e)."""
    return _eigen.logistic(x.reshape(1, -1), np.zeros(1, np.int64)).reshape(x.shape)


def logistic_float16(x: np.ndarray) -> np.ndarray:
    """Return y[i] = e / (1 + e), every step rounded to float16; 1 where e = exp(x[i]) is beyond it. x holds float16 numbers."""
    e = expf(x).astype(np.float16)
    return np.where(np.isposinf(e), np.float16(1), e / (np.float16(1) + e))


def logistic_power_of_two(x: np.ndarray, plan: SigmoidPlan) -> np.ndarray:
    """Return y[i] int16 in fixed point."""
    return np.asarray(logistic_fixed_point(x, INTEGER_BITS, 16)).astype(np.int16)


def explain_power_of_two(x: np.ndarray, plan: SigmoidPlan, element: tuple[int, ...]) -> Explanation:
    """Explain y[element]."""
    e = Explanation()
    e.given("x", x[element].item(), f"the stored value, with {INTEGER_BITS} integer bits")
    e.derive("a", "-abs(x)")
    explain_exp_on_negative(e, "a", INTEGER_BITS, 16)
    explain_newton(e, "e", 16)
    e.derive("positive", saturated("inverse * 2", 16), "1 / (1 + e), of 2^15")
    e.derive("y", "2**14 if x == 0 else positive if x > 0 else 2**15 - 1 - positive", "below zero what it lacks to 1")
    return e
