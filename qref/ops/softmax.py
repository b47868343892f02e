"""SOFTMAX: y = e / sum(e) along the last axis, e = exp(beta * (x - max(x))).

Layout   x [..., depth] -> y [..., depth]
Types    int8 -> int8 or int16, uint8 -> uint8 or int16: 32-bit fixed point
         int16 -> int16: two interpolated tables
         float32; float16, summed in float32
Scales   y: 1/256 with zero point -128 (int8) or 0 (uint8), as they are taken to be; int16: 1/32768, zero points 0
         int8, uint8 -> int16: y is taken to have the scale 1/65536 and the zero point -32768
Source   LiteRT, activations.cc, reference/softmax.h; facts verified in tests/ops/test_softmax.py
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qref.arithmetic.explanation import Explanation
from qref.arithmetic.libm import expf
from qref.arithmetic.requantize import DoubleRounding
from qref.arithmetic.softmax import softmax_8bit, softmax_16bit, softmax_scaling, softmax_scaling_16bit
from qref.schema.enums import TensorType

from ._explain_softmax import explain_8bit, explain_16bit
from ._unary import FLOAT, QUANTIZED_8BIT
from .node import Node, Operand, Prepared

FINITE = float(np.finfo(np.float32).max)
OUTPUT_TYPES = {
    TensorType.INT8: (TensorType.INT8, TensorType.INT16),
    TensorType.UINT8: (TensorType.UINT8, TensorType.INT16),
    TensorType.INT16: (TensorType.INT16,),
    TensorType.FLOAT32: (TensorType.FLOAT32,),
    TensorType.FLOAT16: (TensorType.FLOAT16,),
}


@dataclass(frozen=True, slots=True)
class SoftmaxPlan:
    """8-bit inputs: x - max(x) times multiplier * 2^(left_shift - 31) is in steps of 2^-26."""

    multiplier: int
    left_shift: int
    diff_min: int  # LSB; what is farther below the greatest counts as minus infinity
    output_dtype: np.dtype


@dataclass(frozen=True, slots=True)
class Softmax16Plan:
    """16-bit inputs: x - max(x) times multiplier * 2^(shift - 31) is in steps of 10 / 65535."""

    multiplier: int
    shift: int


@dataclass(frozen=True, slots=True)
class FloatSoftmaxPlan:
    """The float form."""

    beta: np.float32


def operands_of_softmax(node: Node) -> tuple[Operand, Operand, np.float32]:
    """Check and return the input, the output, which gets its shape, and beta."""
    node.expect(len(node.inputs) == 1, f"expected 1 input, found {len(node.inputs)}")
    x, y = node.input(0), node.output()
    node.expect_type(x, *OUTPUT_TYPES)
    node.expect_type(y, *OUTPUT_TYPES[x.type])
    node.expect(len(x.shape) >= 1, f"{x} has no dimension; expected [..., depth]")
    if y.type == TensorType.INT8:
        _expect_output(node, y, 1 / 256, -128)
    node.resize(0, x.shape)
    return x, y, np.float32(node.options.get("beta", 0.0))


def prepare(node: Node) -> Prepared:
    """Check the operands and derive the plan."""
    x, y, beta_float32 = operands_of_softmax(node)
    if x.type in FLOAT:
        return Prepared(softmax_float, FloatSoftmaxPlan(beta_float32), explain_float)
    beta = float(beta_float32)
    if x.type in QUANTIZED_8BIT:
        node.expect(beta * float(x.scale) > 0, f"beta is {beta} and the scale of {x} {x.scale}; expected a product above 0")
        return Prepared(softmax, SoftmaxPlan(*softmax_scaling(beta, float(x.scale)), y.dtype), explain)
    node.expect(x.zero_point == 0, f"{x} has the zero point {x.zero_point}; int16 needs the zero point 0")
    _expect_output(node, y, 1 / 32768, 0)
    with np.errstate(all="ignore"):
        return Prepared(softmax_int16, Softmax16Plan(*softmax_scaling_16bit(beta, float(x.scale))), explain_int16)


def _expect_output(node: Node, y: Operand, scale: float, zero_point: int) -> None:
    near = abs(float(y.scale) - scale) <= 0.001 * scale and y.zero_point == zero_point
    message = f"{y} has the scale {y.scale} and the zero point {y.zero_point}; SOFTMAX needs {scale} and {zero_point}"
    node.expect(near, message)


def softmax(x: np.ndarray, plan: SoftmaxPlan) -> np.ndarray:
    """Return y [..., depth] int8, uint8 or int16.

    e = exp_on_negative_values((x - max(x)) * multiplier * 2^(left_shift - 31))      Q0.31; 0 below diff_min
    r = 1 / sum(e / 2^12)                                                            Q0.31 and a power of two
    y = clamp(divide(high(r, e), exponent) + least value of the type)
    """
    if x.size == 0:
        return np.zeros(x.shape, plan.output_dtype)
    return softmax_8bit(x, plan.multiplier, plan.left_shift, plan.diff_min, plan.output_dtype)


def softmax_int16(x: np.ndarray, plan: Softmax16Plan) -> np.ndarray:
    """Return y [..., depth] int16: e by one table, 1 / sum(e) by another, their product rounded once."""
    if x.size == 0:
        return np.zeros(x.shape, np.int16)
    return softmax_16bit(x, plan.multiplier, plan.shift)


def softmax_float(x: np.ndarray, plan: FloatSoftmaxPlan) -> np.ndarray:
    """Return y [..., depth]: e summed in ascending order, every step rounded; a float16 e is rounded before it is divided."""
    if x.size == 0:
        return np.zeros(x.shape, x.dtype)
    with np.errstate(all="ignore"):
        real = x.astype(np.float32)
        e = expf((real - np.fmax.reduce(real, axis=-1, keepdims=True, initial=np.finfo(np.float32).min)) * plan.beta)
        total = np.add.accumulate(e, axis=-1)[..., -1:]
        return (e.astype(x.dtype).astype(np.float32) / total).astype(x.dtype)


def explain(x: np.ndarray, plan: SoftmaxPlan, element: tuple[int, ...]) -> Explanation:
    """Return y[element] of an 8-bit x step by step."""
    limits = np.iinfo(plan.output_dtype)
    constants = (plan.multiplier, plan.left_shift, plan.diff_min)
    return explain_8bit(x[element[:-1]].tolist(), element[-1], *constants, limits.bits, int(limits.min))


def explain_int16(x: np.ndarray, plan: Softmax16Plan, element: tuple[int, ...]) -> Explanation:
    """Return y[element] of an int16 x step by step."""
    scaling = DoubleRounding(np.array([plan.multiplier]), np.array([plan.shift]))
    return explain_16bit(x[element[:-1]].tolist(), element[-1], scaling)


def explain_float(x: np.ndarray, plan: FloatSoftmaxPlan, element: tuple[int, ...]) -> Explanation:
    """Return y[element] of a float x step by step."""
    e = Explanation()
    explain_float_distances(e, x[element[:-1]], plan, element[-1])
    e.derive("exponentials", "expf(scaled_differences)", "by the C library")
    e.derive("total", "sum32(exponentials)", "their sum, from the first to the last")
    half = x.dtype == np.float16
    e.derive("exp", "float16(exponentials[position])" if half else "exponentials[position]", "that of the element")
    e.derive("y", "float16(float32(divide(exp, total)))" if half else "float32(divide(exp, total))", "the output")
    return e


def explain_float_distances(e: Explanation, row: np.ndarray, plan: FloatSoftmaxPlan, position: int) -> None:
    """Append beta * (x - max(x)) of a row, in float32."""
    e.given("x", row, "the row of inputs")
    e.given("position", position, "of the element in its row")
    e.given("beta", plan.beta, "the factor of the exponent")
    e.derive("greatest", f"max(max(x), {-FINITE})", "which is subtracted, so that no exponential is above 1")
    e.derive("differences", "float32(x - greatest)")
    e.derive("scaled_differences", "float32(differences * beta)", "the exponents")
