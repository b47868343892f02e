"""MUL: y = act(x1 * x2).

Layout   x1, x2 that broadcast to one shape -> y of that shape
Types    int8, uint8, int16, quantized; int16 also into an output without quantization
         x1, x2 int16 in [-1, 1); y int8 or uint8: fractions of 15 bits, their product rounded to 7; scales are not read
         int32, int64, uint32, float16, float32, complex64 (no activation)
Scales   s_1 * s_2 / s_y in float32, any; int16: zero point 0
Source   8-bit quantization specification, MUL; facts verified in tests/ops/test_mul.py
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qref.arithmetic import fixed_point as fp
from qref.arithmetic.activation import activation_range
from qref.arithmetic.explanation import Explanation
from qref.arithmetic.requantize import Requantize
from qref.schema.enums import TensorType

from ._elementwise import (
    QUANTIZED_TYPES,
    PlainPlan,
    broadcast_shape,
    check_counts,
    check_same_type,
    clamp,
    element_of,
    finish,
    plain_plan,
    zero_point,
)
from ._explain import explain_output
from ._formulas import CLAMP, LIMITS, explain_by
from .node import Node, Operand, Prepared

PLAIN_TYPES = (TensorType.INT32, TensorType.INT64, TensorType.UINT32, TensorType.FLOAT16, TensorType.FLOAT32)


@dataclass(frozen=True, slots=True)
class MulPlan:
    """The integers that are fixed before the first inference."""

    input1_offset: int  # -zero_point(x1), LSB
    input2_offset: int
    requantize: Requantize  # the runtime's rule for s_1 * s_2 / s_y
    output_offset: int  # +zero_point(y), LSB
    output_activation_min: int  # LSB
    output_activation_max: int
    output_dtype: np.dtype


@dataclass(frozen=True, slots=True)
class FractionPlan:
    """int16 fractions into 8 bits."""

    output_offset: int  # LSB
    output_activation_min: int
    output_activation_max: int
    output_dtype: np.dtype


def prepare(node: Node) -> Prepared:
    """Check the operands and derive the plan."""
    check_counts(node, 2)
    x1, x2, y = node.input(0), node.input(1), node.output()
    node.expect_type(x1, *QUANTIZED_TYPES, *PLAIN_TYPES, TensorType.COMPLEX64)
    check_same_type(node, x1, x2)
    shape = broadcast_shape(node, x1, x2)
    node.resize(0, shape)
    if x1.type == TensorType.INT16 and y.type in (TensorType.INT8, TensorType.UINT8):
        node.expect(x1.shape == x2.shape, f"shapes {list(x1.shape)} and {list(x2.shape)}; int16 into 8 bits does not broadcast")
        offset = zero_point(node, y)
        limits = activation_range(node.activation, y.dtype, float(y.scale), offset)
        return Prepared(mul_fractions, FractionPlan(offset, *limits, y.dtype), explain_fractions)
    node.expect_type(y, x1.type)
    if x1.type == TensorType.COMPLEX64:
        node.expect(node.activation == "NONE", f"complex numbers have no fused activation function; found {node.activation}")
        return Prepared(mul_complex, None)
    if x1.type in PLAIN_TYPES or (x1.type == TensorType.INT16 and y.quantization is None):
        return Prepared(mul, plain_plan(node, x1.dtype), explain_by(("result", "T(x1 * x2)", ""), *CLAMP, **LIMITS))
    return Prepared(mul_quantized, _plan(node, x1, x2), explain)


def _plan(node: Node, x1: Operand, x2: Operand) -> MulPlan:
    y = node.output()
    zero_points = [zero_point(node, operand) for operand in (x1, x2, y)]
    node.expect(x1.type != TensorType.INT16 or not any(zero_points), f"int16 tensors need the zero point 0; found {zero_points}")
    with np.errstate(all="ignore"):
        effective_scale = x1.scale * x2.scale / y.scale
    return MulPlan(
        -zero_points[0],
        -zero_points[1],
        node.requantize(effective_scale),
        zero_points[2],
        *activation_range(node.activation, y.dtype, float(y.scale), zero_points[2]),
        y.dtype,
    )


def mul_quantized(x1: np.ndarray, x2: np.ndarray, plan: MulPlan) -> np.ndarray:
    """Return y = clamp(requantize((x1 + input1_offset) * (x2 + input2_offset)) + output_offset)."""
    acc = (x1.astype(np.int64) + plan.input1_offset) * (x2.astype(np.int64) + plan.input2_offset)
    scaled = plan.requantize(acc.reshape(-1)).reshape(acc.shape)
    return finish(scaled, plan.output_offset, plan.output_activation_min, plan.output_activation_max, plan.output_dtype)


def explain(x1: np.ndarray, x2: np.ndarray, plan: MulPlan, element: tuple[int, ...]) -> Explanation:
    """Explain y[element]."""
    e = explain_product(x1, x2, plan, element)
    explain_output(e, plan.requantize.explain(e, "acc"), plan)
    return e


def explain_product(x1: np.ndarray, x2: np.ndarray, plan: MulPlan, element: tuple[int, ...]) -> Explanation:
    """The steps up to the accumulator, "acc"."""
    e = Explanation()
    e.given("x1", element_of(x1, element), "the stored value, LSB")
    e.given("input1_offset", plan.input1_offset, "minus the zero point of x1")
    e.given("x2", element_of(x2, element), "the stored value, LSB")
    e.given("input2_offset", plan.input2_offset, "minus the zero point of x2")
    e.derive("acc", "(x1 + input1_offset) * (x2 + input2_offset)", "in units of s_1 * s_2")
    return e


def explain_fractions(x1: np.ndarray, x2: np.ndarray, plan: FractionPlan, element: tuple[int, ...]) -> Explanation:
    """Explain y[element]."""
    e = Explanation()
    e.given("x1", element_of(x1, element), "a fraction of 15 bits")
    e.given("x2", element_of(x2, element), "a fraction of 15 bits")
    e.derive("product", "x1 * x2", "a fraction of 30 bits")
    e.derive("dropped_by_high", "product % 2**15", "the low 15 bits, which the first rounding drops")
    e.derive("high", "min(ties_up(product, 2**15), 2**15 - 1)", "to 15 bits, ties up")
    e.derive("dropped", "high % 2**8", "the low 8 bits, which the second rounding drops")
    e.derive("scaled", "ties_away(high, 2**8)", "to 7 bits, ties away from zero")
    explain_output(e, "scaled", plan)
    return e


def mul_fractions(x1: np.ndarray, x2: np.ndarray, plan: FractionPlan) -> np.ndarray:
    """Return y = clamp(divide(high(x1, x2), 8) + output_offset): 15 fraction bits to 7, rounded twice."""
    scaled = fp.rounding_divide_by_pot(fp.saturating_rounding_doubling_high_mul_16(x1, x2), 8)
    return finish(scaled, plan.output_offset, plan.output_activation_min, plan.output_activation_max, plan.output_dtype)


@np.errstate(all="ignore")
def mul(x1: np.ndarray, x2: np.ndarray, plan: PlainPlan) -> np.ndarray:
    """Return y = clamp(x1 * x2); integers wrap."""
    return clamp(np.multiply(x1, x2), plan.low, plan.high)


@np.errstate(all="ignore")
def mul_complex(x1: np.ndarray, x2: np.ndarray, plan: None) -> np.ndarray:
    """Return y = x1 * x2 complex64, with C's rule for infinities: infinity times a number other than 0 is infinite, not NaN."""
    x1, x2 = np.broadcast_arrays(x1, x2)
    y = _complex_product(x1, x2)
    products = (x1.real * x2.real, x1.imag * x2.imag, x1.real * x2.imag, x1.imag * x2.real)
    infinite = np.any([np.isinf(part) for part in (x1.real, x1.imag, x2.real, x2.imag, *products)], axis=0)
    direction = _complex_product(_direction(x1), _direction(x2))
    undefined = np.isnan(y.real) & np.isnan(y.imag) & infinite
    for name in ("real", "imag"):
        part = getattr(y, name)
        part[...] = np.where(undefined, np.float32(np.inf) * getattr(direction, name), part)
    return y


def _complex_product(x1: np.ndarray, x2: np.ndarray) -> np.ndarray:
    y = np.empty(x1.shape, np.complex64)
    y.real = x1.real * x2.real - x1.imag * x2.imag
    y.imag = x1.real * x2.imag + x1.imag * x2.real
    return y


def _direction(x: np.ndarray) -> np.ndarray:
    """Of an infinite number: its infinite parts as 1, its finite ones as 0; of another: NaN parts as 0. Signs stay."""
    y, infinite = np.empty(x.shape, np.complex64), np.isinf(x.real) | np.isinf(x.imag)
    for name in ("real", "imag"):
        part = getattr(x, name)
        finite = np.where(np.isnan(part), np.float32(0), part)
        getattr(y, name)[...] = np.copysign(np.where(infinite, np.isinf(part).astype(np.float32), finite), part)
    return y
