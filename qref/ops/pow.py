"""POW: y = x1 ^ x2.

Layout   x1, x2 that broadcast to one shape -> y of that shape
Types    int32 (x2 >= 0; by float64, what does not fit is -2^31), float32
Note     where the shapes differ and x2 is one number, an integer e >= 1 to within 1e-5, y is a product by repeated squaring:
         p(1) = x1, p(e) = p(e div 2)^2 [* x1 if e is odd]. int32 wraps, float32 is clamped to finite numbers after every product
Source   facts verified in tests/ops/test_pow.py
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qref.arithmetic import libm
from qref.arithmetic.explanation import Explanation
from qref.arithmetic.fixed_point import cast_int32, round_half_away
from qref.errors import InputError
from qref.schema.enums import TensorType

from ._elementwise import clamp, element_of, operands
from .node import Node, Prepared, Shape

EPSILON = np.float32(1e-5)


@dataclass(frozen=True, slots=True)
class PowPlan:
    """Shapes and the operator's name, for messages."""

    operator: str
    output_shape: Shape
    one_exponent: bool  # the shapes differ and x2 has one element


def prepare(node: Node) -> Prepared:
    """Check the operands."""
    x1, x2 = operands(node, TensorType.INT32, TensorType.FLOAT32)
    one_exponent = x1.shape != x2.shape and np.prod(x2.shape, dtype=np.int64) == 1
    return Prepared(power, PowPlan(str(node), node.output().shape, bool(one_exponent)), explain)


@np.errstate(all="ignore")
def power(x1: np.ndarray, x2: np.ndarray, plan: PowPlan) -> np.ndarray:
    """Return y = x1 ^ x2: C's pow in float64 or float32, or repeated squaring."""
    if x1.dtype.kind != "f" and np.any(x2 < 0):
        raise InputError(f"{plan.operator}: an int32 exponent is negative; expected exponents of at least 0")
    exponent = _integer_exponent(x2) if plan.one_exponent else 0
    if exponent >= 1:
        return _repeated_squaring(x1, exponent).reshape(plan.output_shape)
    if x1.dtype.kind != "f":
        return np.asarray(cast_int32(libm.pow(x1.astype(np.float64), x2.astype(np.float64)))).astype(np.int32)
    return np.asarray(libm.powf(x1, x2), np.float32)


def explain(x1: np.ndarray, x2: np.ndarray, plan: PowPlan, element: tuple[int, ...]) -> Explanation:
    """Explain y[element]."""
    e, real = Explanation(), x1.dtype.kind == "f"
    e.given("x1", element_of(x1, element), "the base")
    e.given("x2", element_of(x2, element), "the exponent")
    exponent = _integer_exponent(x2) if plan.one_exponent else 0
    if exponent < 1 and real:
        e.derive("y", "powf(x1, x2)", "the C library's function")
    elif exponent < 1:
        e.derive("power", "pow(x1, x2)", "the C library's function in float64")
        e.derive("y", "trunc(power) if -(2**31) <= power < 2**31 else -(2**31)", "what does not fit is the least integer")
    else:
        product = "clamp(float32({}), -float32_max, float32_max)" if real else "wrap({}, 32)"
        if real:
            e.given("float32_max", np.finfo(np.float32).max, "the greatest float32 number")
        power = "x1"
        for place, bit in enumerate(f"{exponent:b}"[1:]):
            power = e.derive(f"square{place}", product.format(f"{power} * {power}"), "twice the exponent so far")
            if bit == "1":
                power = e.derive(f"product{place}", product.format(f"{power} * x1"), "and one more")
        e.derive("y", power)
    return e


def _integer_exponent(x2: np.ndarray) -> int:
    """The integer that the only element of x2 is to within EPSILON, 0 if none."""
    value = x2.reshape(())
    if value.dtype.kind != "f":
        return int(value)
    nearest = int(cast_int32(round_half_away(value)))
    return nearest if abs(value - np.float32(nearest)) < EPSILON else 0


def _repeated_squaring(base: np.ndarray, exponent: int) -> np.ndarray:
    if exponent == 1:
        return base.copy()
    root = _repeated_squaring(base, exponent // 2)
    square = _product(root, root)
    return _product(base, square) if exponent % 2 else square


def _product(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    product = np.asarray(a * b)
    limits = np.finfo(np.float32)
    return product if product.dtype.kind != "f" else clamp(product, limits.min, limits.max)
