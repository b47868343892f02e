"""LOGISTIC: y = 1 / (1 + exp(-x)).

Layout   x [...] -> y [...]
Types    float32, float16; int8, uint8, by table; int16, by interpolated table
Scales   y: 1/256 for 8 bits, 1/32768 for int16, whose zero points are 0
Source   LiteRT, activations.cc; facts verified in tests/ops/test_unary.py and test_unary_quantized.py
"""

from __future__ import annotations

import numpy as np

from qref.arithmetic.explanation import Explanation
from qref.arithmetic.libm import expf
from qref.arithmetic.lookup_table import logistic as logistic_float
from qref.arithmetic.lookup_table import logistic_16bit
from qref.schema.enums import TensorType

from ._formulas import explain_by
from ._function_formulas import LOGISTIC, LOGISTIC_OF_TABLE
from ._sigmoid import SigmoidPlan, derive_logistic, prepare_sigmoid_scaling
from ._unary import FLOAT, QUANTIZED_8BIT, operands, prepare_function, prepare_table
from .node import Node, Prepared

UPPER, LOWER = np.float32(16.619047164916992188), np.float32(-9)


def prepare(node: Node) -> Prepared:
    """Check the operands and make the table."""
    x, y = operands(node, *FLOAT, *QUANTIZED_8BIT, TensorType.INT16)
    if x.type in FLOAT:
        return prepare_function(logistic, explain_by(*LOGISTIC))
    expected = 2.0**-15 if x.type == TensorType.INT16 else 2.0**-8
    node.expect(y.scale == expected, f"{y} has the scale {y.scale}; LOGISTIC needs {expected}: quantize it so")
    if x.type == TensorType.INT16:
        return Prepared(logistic_int16, prepare_sigmoid_scaling(node, x, y, 0), explain_int16)
    return prepare_table(node, x, y, logistic_float, LOGISTIC_OF_TABLE)


def logistic(x: np.ndarray) -> np.ndarray:
    """Return y[i] float32: 1 above 16.6, where no other float is nearer, and exp(x[i]) below -9."""
    return np.where(x > UPPER, np.float32(1), np.where(x < LOWER, expf(x), logistic_float(x)))


def logistic_int16(x: np.ndarray, plan: SigmoidPlan) -> np.ndarray:
    """Return y[i] int16 between two entries of a table over |x| < 10.7."""
    return np.asarray(logistic_16bit(x, plan.input_multiplier, plan.input_left_shift)).astype(np.int16)


def explain_int16(x: np.ndarray, plan: SigmoidPlan, element: tuple[int, ...]) -> Explanation:
    """Explain y[element]."""
    e = Explanation()
    derive_logistic(e, e.given("x", x[element].item(), "the stored value, LSB"), "y", plan)
    return e
