"""TANH: y = tanh(x).

Layout   x [...] -> y [...]
Types    float32, float16, by the C library's tanhf; int8, uint8, by table; int16, by interpolated table
Scales   y: any for 8 bits (converters give 1/128); 1/32768 for int16, whose zero points are 0
Source   LiteRT, activations.cc; facts verified in tests/ops/test_unary.py and test_unary_quantized.py
"""

from __future__ import annotations

import numpy as np

from qref.arithmetic.explanation import Explanation
from qref.arithmetic.libm import tanhf
from qref.arithmetic.lookup_table import tanh_16bit
from qref.schema.enums import TensorType

from ._formulas import explain_by
from ._function_formulas import TANH
from ._sigmoid import SigmoidPlan, derive_tanh, prepare_sigmoid_scaling
from ._unary import FLOAT, QUANTIZED_8BIT, operands, prepare_function, prepare_table
from .node import Node, Prepared


def prepare(node: Node) -> Prepared:
    """Check the operands and make the table."""
    x, y = operands(node, *FLOAT, *QUANTIZED_8BIT, TensorType.INT16)
    if x.type in FLOAT:
        return prepare_function(tanhf, explain_by(*TANH))
    if x.type == TensorType.INT16:
        return Prepared(tanh_int16, prepare_sigmoid_scaling(node, x, y, 1), explain_int16)
    return prepare_table(node, x, y, tanhf, TANH)


def tanh_int16(x: np.ndarray, plan: SigmoidPlan) -> np.ndarray:
    """Return y[i] int16 between two entries of a table over |x| < 5.35."""
    return np.asarray(tanh_16bit(x, plan.input_multiplier, plan.input_left_shift)).astype(np.int16)


def explain_int16(x: np.ndarray, plan: SigmoidPlan, element: tuple[int, ...]) -> Explanation:
    """Explain y[element]."""
    e = Explanation()
    derive_tanh(e, e.given("x", x[element].item(), "the stored value, LSB"), "y", plan)
    return e
