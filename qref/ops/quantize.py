"""QUANTIZE: real numbers to integers, or integers to integers of another type, scale or zero point.

Layout   x [...] -> y [...]
Types    x float32; y int8, uint8, int16, per tensor or per axis; int4, uint4 per tensor
         x int8, uint8; y int8, uint8, int16.    x int16; y int8, int16, int32.    x int32; y int8, int16
Scales   any; int16 to int16: zero point 0
         float32: y = clamp(round(x / s_y) + zero_point(y)), ties away from zero;  integers: s_x / s_y by the runtime's rule
Note     NaN and what does not fit in 32 bits becomes the lower limit, or the upper one where the zero point is negative
Source   8-bit quantization specification; facts verified in tests/ops/test_quantize.py
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qref.arithmetic import affine
from qref.arithmetic.explanation import Explanation
from qref.arithmetic.requantize import Requantize
from qref.schema.enums import TensorType

from ._elementwise import check_counts, finish, zero_point
from ._explain import explain_clamp, explain_output_of_type, explain_zero_point, place_of, rounded_to_int32
from .node import Node, Operand, Prepared

INTEGER_TYPES = {
    TensorType.INT8: (TensorType.INT8, TensorType.UINT8, TensorType.INT16),
    TensorType.UINT8: (TensorType.INT8, TensorType.UINT8, TensorType.INT16),
    TensorType.INT16: (TensorType.INT8, TensorType.INT16, TensorType.INT32),
    TensorType.INT32: (TensorType.INT8, TensorType.INT16),
}
PER_AXIS_TYPES = (TensorType.INT8, TensorType.UINT8, TensorType.INT16)
NARROW_LIMITS = {TensorType.INT4: (-8, 7), TensorType.UINT4: (0, 15)}


@dataclass(frozen=True, slots=True)
class QuantizePlan:
    """Constants of real input."""

    scale: np.ndarray  # float32 [1] or [channels], real units per LSB
    zero_point: np.ndarray  # int64, LSB
    quantized_dimension: int
    output_min: int  # LSB
    output_max: int
    output_dtype: np.dtype


@dataclass(frozen=True, slots=True)
class RequantizePlan:
    """Constants of integer input."""

    input_offset: int  # -zero_point(x), LSB
    requantize: Requantize  # the runtime's rule for s_x / s_y
    output_offset: int  # +zero_point(y), LSB
    output_dtype: np.dtype


def prepare(node: Node) -> Prepared:
    """Check the operands and derive the plan."""
    check_counts(node, 1)
    x, y = node.input(0), node.output()
    node.expect_type(x, TensorType.FLOAT32, *INTEGER_TYPES)
    node.resize(0, x.shape)
    if x.type == TensorType.FLOAT32:
        return Prepared(quantize, _quantize_plan(node, x, y), explain)
    node.expect_type(y, *INTEGER_TYPES[x.type])
    offsets = zero_point(node, x), zero_point(node, y)
    if x.type == y.type == TensorType.INT16:
        node.expect(offsets == (0, 0), f"int16 to int16 needs the zero point 0; found {offsets[0]} and {offsets[1]}")
    with np.errstate(all="ignore"):
        rule = node.requantize(np.float64(x.scale) / np.float64(y.scale))
    return Prepared(requantize, RequantizePlan(-offsets[0], rule, offsets[1], y.dtype), explain_requantize)


def _quantize_plan(node: Node, x: Operand, y: Operand) -> QuantizePlan:
    node.expect_type(y, *(PER_AXIS_TYPES if y.scales.size > 1 else (*PER_AXIS_TYPES, *NARROW_LIMITS)))
    axis = check_axis(node, y, x)
    limits = np.iinfo(y.dtype)
    low, high = NARROW_LIMITS.get(y.type, (int(limits.min), int(limits.max)))
    return QuantizePlan(y.scales, y.zero_points, axis, low, high, y.dtype)


def check_axis(node: Node, quantized: Operand, shaped: Operand) -> int:
    """The axis along which an operand of the shape of `shaped` is quantized, its scales and zero points checked."""
    limits = np.iinfo(np.int32)
    inside = np.all((quantized.zero_points >= limits.min) & (quantized.zero_points <= limits.max))
    node.expect(inside, f"{quantized} has zero points that do not fit in 32 bits")
    axis, count = quantized.quantization.quantized_dimension, quantized.scales.size  # type: ignore[union-attr]
    if count > 1:
        fits = 0 <= axis < len(shaped.shape) and shaped.shape[axis] == count
        node.expect(fits, f"{quantized} has {count} scales along dimension {axis}; its shape is {list(shaped.shape)}")
    return axis


def quantize(x: np.ndarray, plan: QuantizePlan) -> np.ndarray:
    """Return y = clamp(round(x / scale) + zero_point)."""
    wide = affine.quantize(x, plan.scale, plan.zero_point, np.int32, plan.quantized_dimension)
    return np.clip(wide, plan.output_min, plan.output_max).astype(plan.output_dtype)


def explain(x: np.ndarray, plan: QuantizePlan, element: tuple[int, ...]) -> Explanation:
    """Explain y[element]."""
    e, channel = Explanation(), element[plan.quantized_dimension] if plan.scale.size > 1 else 0
    e.given("x", x[element].item(), "the real number")
    e.given("scale", plan.scale[channel], "of the output, real units per LSB")
    e.derive("steps", "float32(divide(x, scale))", "in float32, LSB")
    e.derive("rounded", rounded_to_int32("steps"), "the only rounding to an integer, ties away from zero")
    explain_zero_point(e, "rounded", int(plan.zero_point[channel]))
    explain_clamp(e, "with_offset", plan.output_min, plan.output_max)
    return e


def requantize(x: np.ndarray, plan: RequantizePlan) -> np.ndarray:
    """Return y = clamp(requantize(x + input_offset) + output_offset)."""
    scaled = plan.requantize(x.reshape(-1).astype(np.int64) + plan.input_offset).reshape(x.shape)
    limits = np.iinfo(plan.output_dtype)
    return finish(scaled, plan.output_offset, limits.min, limits.max, plan.output_dtype)


def explain_requantize(x: np.ndarray, plan: RequantizePlan, element: tuple[int, ...]) -> Explanation:
    """Explain y[element]."""
    e = Explanation()
    e.given("x", x[element].item(), "the stored value, LSB")
    e.given("input_offset", plan.input_offset, "minus the zero point of the input")
    e.derive("acc", "x + input_offset", "in units of s_x")
    scaled = plan.requantize.explain(e, "acc", (place_of(element, x.shape),), (x.size,))
    explain_output_of_type(e, scaled, plan.output_offset, plan.output_dtype)
    return e
