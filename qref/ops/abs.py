"""ABS: y = |x|.

Layout   x [...] -> y [...]
Types    float32, int32; int16 without quantization: |-2^15| = -2^15, |-2^31| = -2^31, as in C
         int8, and int16 with zero points 0
Scales   any; rescaled by s_x / s_y in float32 unless they are equal
Source   LiteRT, elementwise.cc; facts verified in tests/ops/test_unary_quantized.py
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qref.arithmetic.explanation import Explanation
from qref.arithmetic.requantize import Requantize
from qref.schema.enums import TensorType

from ._explain import explain_output_of_type
from ._formulas import explain_by
from ._unary import AsIs, expect_symmetric, operands, ratio, scales
from .node import Node, Prepared


@dataclass(frozen=True, slots=True)
class AbsPlan:
    """The integers that are fixed before the first inference."""

    input_offset: int  # -zero_point(x), LSB
    output_offset: int  # +zero_point(y), LSB
    requantize: Requantize | None  # None where the scales are equal


def prepare(node: Node) -> Prepared:
    """Check the operands and derive the plan."""
    x, y = operands(node, TensorType.FLOAT32, TensorType.INT32, TensorType.INT8, TensorType.INT16)
    if x.type in (TensorType.FLOAT32, TensorType.INT32) or (x.type == TensorType.INT16 and x.quantization is None):
        return Prepared(absolute, AsIs(), explain_by(("y", "T(abs(x))", "")))
    if x.type == TensorType.INT16:
        expect_symmetric(node, x, y)
    input_scale, output_scale = scales(node, x, y)
    rule = None if input_scale == output_scale else node.requantize(ratio(input_scale, output_scale))
    return Prepared(absolute_quantized, AbsPlan(-x.zero_point, y.zero_point, rule), explain)


def absolute(x: np.ndarray, plan: AsIs) -> np.ndarray:
    """Return y[i] = |x[i]| in x's own type."""
    return np.asarray(np.abs(x))


def absolute_quantized(x: np.ndarray, plan: AbsPlan) -> np.ndarray:
    """Return y[i] = clamp(requantize(|x[i] + input_offset|) + output_offset)."""
    limits = np.iinfo(x.dtype)
    magnitude = np.abs(x.reshape(-1).astype(np.int64) + plan.input_offset)
    scaled = magnitude if plan.requantize is None else plan.requantize(magnitude)
    return np.clip(scaled + plan.output_offset, limits.min, limits.max).astype(x.dtype).reshape(x.shape)


def explain(x: np.ndarray, plan: AbsPlan, element: tuple[int, ...]) -> Explanation:
    """Explain y[element]."""
    e = Explanation()
    e.given("x", x[element].item(), "the stored value, LSB")
    e.given("input_offset", plan.input_offset, "minus the zero point of the input")
    e.derive("acc", "abs(x + input_offset)", "in units of s_x")
    explain_output_of_type(
        e, "acc" if plan.requantize is None else plan.requantize.explain(e, "acc"), plan.output_offset, x.dtype
    )
    return e
