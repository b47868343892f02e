"""LOGISTIC of the optimized kernels: y = 1 / (1 + exp(-x)).

Types    float32: Eigen's exp(x / 2)^2 over one more than itself, the C library's exp for the last size % 4 elements
         float16: see `logistic_float16`
         int16 with a scale of 2^-12: fixed point, words with 3 integer bits; other scales, int8, uint8: as the reference
Source   LiteRT, activations.cc, optimized/optimized_ops.h; facts verified in tests/ops/test_unary_optimized.py
"""

from __future__ import annotations

import numpy as np

from qref.arithmetic.gemmlowp import logistic as logistic_fixed_point
from qref.arithmetic.libm import expf
from qref.schema.enums import TensorType

from .. import _eigen
from .. import logistic as base
from .._sigmoid import INTEGER_BITS, SigmoidPlan
from .._unary import prepare_function
from ..node import Node, Prepared


def prepare(node: Node) -> Prepared:
    """Check the operands; take the rules that differ from the reference's."""
    prepared = base.prepare(node)
    if node.input(0).type == TensorType.FLOAT32:
        return prepare_function(logistic)
    if node.input(0).type == TensorType.FLOAT16:
        return prepare_function(logistic_float16)
    if prepared.reference is base.logistic_int16 and prepared.plan.input_multiplier == 0:
        return Prepared(logistic_power_of_two, prepared.plan)
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
