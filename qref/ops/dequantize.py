"""DEQUANTIZE: the real numbers that integers stand for.

Layout   x [...] -> y [...]
Types    x int8, uint8, int4, uint4, int2, per tensor or per axis; int16 per tensor, zero point 0; y float32
         x float16, which widens exactly
Scales   y = float32(s_x * (x - zero_point(x))), one rounding
Source   8-bit quantization specification; facts verified in tests/ops/test_dequantize.py
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qref.arithmetic import affine
from qref.arithmetic.explanation import Explanation
from qref.schema.enums import TensorType

from ._elementwise import check_counts
from ._formulas import explain_by
from .node import Node, Prepared
from .quantize import check_axis

PER_AXIS_TYPES = (TensorType.INT8, TensorType.UINT8, TensorType.INT4, TensorType.UINT4, TensorType.INT2)


@dataclass(frozen=True, slots=True)
class DequantizePlan:
    """Constants of the input."""

    scale: np.ndarray  # float32 [1] or [channels], real units per LSB
    zero_point: np.ndarray  # int64, LSB
    quantized_dimension: int


def prepare(node: Node) -> Prepared:
    """Check the operands and derive the plan."""
    check_counts(node, 1)
    x = node.input(0)
    node.expect_type(x, *PER_AXIS_TYPES, TensorType.INT16, TensorType.FLOAT16)
    node.resize(0, x.shape, TensorType.FLOAT32)
    if x.type == TensorType.FLOAT16:
        return Prepared(widen, None, explain_by(("y", "x", "widened exactly")))
    if x.scales.size > 1:
        node.expect_type(x, *PER_AXIS_TYPES)
    elif x.type == TensorType.INT16:
        node.expect(x.zero_point == 0, f"int16 tensors need the zero point 0; {x} has {x.zero_point}")
    return Prepared(dequantize, DequantizePlan(x.scales, x.zero_points, check_axis(node, x, x)), explain)


def dequantize(x: np.ndarray, plan: DequantizePlan) -> np.ndarray:
    """Return y = float32(scale * (x - zero_point))."""
    return np.asarray(affine.dequantize(x, plan.scale, plan.zero_point, plan.quantized_dimension))


def explain(x: np.ndarray, plan: DequantizePlan, element: tuple[int, ...]) -> Explanation:
    """Explain y[element]."""
    e, channel = Explanation(), element[plan.quantized_dimension] if plan.scale.size > 1 else 0
    e.given("x", x[element].item(), "the stored value, LSB")
    e.given("zero_point", plan.zero_point[channel], "of the input, LSB")
    e.given("scale", plan.scale[channel], "of the input, real units per LSB")
    e.derive("offset", "x - zero_point")
    e.derive("y", "float32(scale * offset)", "the real number, rounded once")
    return e


@np.errstate(all="ignore")
def widen(x: np.ndarray, plan: None) -> np.ndarray:
    """Return the float16 numbers as float32."""
    return x.astype(np.float32)
