"""DIV: y = act(x1 / x2).

Layout   x1, x2 that broadcast to one shape -> y of that shape
Types    int8, uint8, int16, quantized; int32 (towards 0), float32
Scales   s_1 / (s_2 * s_y) in float32, any
Note     a quantized or int32 divisor of 0 is an error; -2^31 / -1 is 2^31 - 1; float32 results are clamped to finite numbers.
         Small quotients divide by 2^32 and more, which is undefined in C; the rule here is what x86 does.
Source   facts verified in tests/ops/test_div.py
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qref.arithmetic import fixed_point as fp
from qref.arithmetic.activation import activation_range
from qref.arithmetic.explanation import Explanation
from qref.arithmetic.gemmlowp import get_reciprocal
from qref.errors import InputError
from qref.schema.enums import TensorType

from ._elementwise import (
    QUANTIZED_TYPES,
    PlainPlan,
    clamp,
    element_of,
    finish,
    operands,
    plain_plan,
    zero_point,
)
from ._explain import explain_output
from ._formulas import CLAMP, LIMITS, explain_by
from .node import Node, Prepared


@dataclass(frozen=True, slots=True)
class DivPlan:
    """The integers that are fixed before the first inference."""

    operator: str
    input1_offset: int  # -zero_point(x1), LSB
    input2_offset: int
    quantized_multiplier: int  # s_1 / (s_2 * s_y) = quantized_multiplier * 2^(shift - 31)
    shift: int
    output_offset: int  # +zero_point(y), LSB
    output_activation_min: int  # LSB
    output_activation_max: int
    output_dtype: np.dtype


@dataclass(frozen=True, slots=True)
class Int32Plan:
    """The int32 form."""

    operator: str
    low: np.int32
    high: np.int32


def prepare(node: Node) -> Prepared:
    """Check the operands and derive the plan."""
    x1, x2 = operands(node, *QUANTIZED_TYPES, TensorType.INT32, TensorType.FLOAT32)
    if x1.type == TensorType.FLOAT32:
        return Prepared(
            div_float32, plain_plan(node, x1.dtype), explain_by(("result", "float32(divide(x1, x2))", ""), *CLAMP, **LIMITS)
        )
    if x1.type == TensorType.INT32:
        limits = plain_plan(node, x1.dtype)
        quotient = ("quotient", "toward_zero(x1, x2)", "rounded towards zero")
        result = ("result", "min(quotient, 2**31 - 1)", "-2^31 / -1 does not fit")
        return Prepared(div_int32, Int32Plan(str(node), limits.low, limits.high), explain_by(quotient, result, *CLAMP, **LIMITS))
    y = node.output()
    zero_points = [zero_point(node, operand) for operand in (x1, x2, y)]
    with np.errstate(all="ignore"):
        multiplier, shift = fp.quantize_multiplier(np.float64(x1.scale / (x2.scale * y.scale)))
    plan = DivPlan(
        str(node),
        -zero_points[0],
        -zero_points[1],
        int(multiplier),
        int(shift),
        zero_points[2],
        *activation_range(node.activation, y.dtype, float(y.scale), zero_points[2]),
        y.dtype,
    )
    return Prepared(div_quantized, plan, explain)


def div_quantized(x1: np.ndarray, x2: np.ndarray, plan: DivPlan) -> np.ndarray:
    """Return y = clamp(quotient + output_offset).

    a, b      = x1 + input1_offset, x2 + input2_offset; both negated where b < 0
    reciprocal, n = 1 / b as reciprocal / 2^(31 + n)
    quotient  = divide(high(high(a * 2^headroom, reciprocal), quantized_multiplier), headroom + n - shift)

    headroom is the number of a's leading bits that only repeat its sign.
    """
    a, b = x1.astype(np.int64) + plan.input1_offset, x2.astype(np.int64) + plan.input2_offset
    _check_divisor(b, plan.operator, f"the quantized value {-plan.input2_offset}, which stands for 0")
    a, b = np.where(b < 0, -a, a), np.abs(b)
    reciprocal, bits = get_reciprocal(b, 31)
    headroom = fp.count_leading_zeros(np.where(a < 0, ~a, a)) - 1
    unscaled = fp.saturating_rounding_doubling_high_mul(fp.wrap_int32(a << headroom), reciprocal)
    high = fp.saturating_rounding_doubling_high_mul(unscaled, plan.quantized_multiplier)
    quotient = fp.rounding_divide_by_pot(high, headroom + bits - plan.shift)
    return finish(quotient, plan.output_offset, plan.output_activation_min, plan.output_activation_max, plan.output_dtype)


def explain(x1: np.ndarray, x2: np.ndarray, plan: DivPlan, element: tuple[int, ...]) -> Explanation:
    """Explain y[element]."""
    e = Explanation()
    e.given("x1", element_of(x1, element), "the stored value, LSB")
    e.given("input1_offset", plan.input1_offset, "minus the zero point of x1")
    e.given("x2", element_of(x2, element), "the stored value, LSB")
    e.given("input2_offset", plan.input2_offset, "minus the zero point of x2")
    e.derive("divisor", "abs(x2 + input2_offset)")
    e.derive("dividend", "x1 + input1_offset if x2 + input2_offset > 0 else -(x1 + input1_offset)", "negated with the divisor")
    bits = e.value("divisor").bit_length() - 1
    headroom = 31 - max(e.value("dividend"), ~e.value("dividend")).bit_length()
    e.derive("half", f"(divisor * 2**{31 - bits} + 1) // 2", "half of the divisor's leading bits, in (1/2, 1), 31 bits")
    e.derive("reciprocal0", f"1515870810 + {_HIGH.format('half', '-1010580540')}", "48/17 - 32/17 half, 29 bits behind the point")
    for k in range(3):
        e.derive(f"product{k}", _HIGH.format("half", f"reciprocal{k}"), "half * reciprocal, 29 bits behind the point")
        step = _HIGH.format(f"reciprocal{k}", f"(2**29 - product{k})")
        e.derive(f"reciprocal{k + 1}", f"reciprocal{k} + 4 * {step}", "a step of Newton's method towards 1 / half")
    e.derive("reciprocal", "min(2 * reciprocal3, 2**31 - 1)", "of the divisor's leading bits, 31 bits")
    e.derive("shifted", f"wrap(dividend * 2**{headroom}, 32)", "the dividend fills 32 bits")
    e.derive("unscaled", _HIGH.format("shifted", "reciprocal"), "quotient, not yet scaled")
    e.given("quantized_multiplier", plan.quantized_multiplier, "31 bits of s_1 / (s_2 * s_y)")
    e.given("shift", plan.shift, "to the left where > 0, of s_1 / (s_2 * s_y)")
    e.derive("high", _HIGH.format("unscaled", "quantized_multiplier"), "high half, ties up")
    e.derive("exponent", f"{headroom} + {bits} - shift", "bits to the right")
    exponent = e.value("exponent")
    if 0 <= exponent < 31:
        e.derive("dropped", "high % 2**exponent", "the low bits, which the rounding drops")
        e.derive("scaled", "ties_away(high, 2**exponent)", "shifted to the right, ties away from zero")
    else:
        e.derive("mask", "wrap(2**(exponent % 64) - 1, 32)", "C does not define such a shift: what x86 makes of it")
        formula = "high // 2**(exponent % 32) + int_of(bit_and(high, mask) > mask // 2 + int_of(high < 0))"
        e.derive("scaled", formula, "shifted to the right, with the bit that rounds")
    explain_output(e, "scaled", plan)
    return e


_HIGH = "min(ties_up({} * {}, 2**31), 2**31 - 1)"


def div_int32(x1: np.ndarray, x2: np.ndarray, plan: Int32Plan) -> np.ndarray:
    """Return y = clamp(x1 / x2), truncated."""
    _check_divisor(x2, plan.operator, "0")
    a, b = x1.astype(np.int64), x2.astype(np.int64)
    quotient = np.abs(a) // np.abs(b) * np.where((a < 0) != (b < 0), -1, 1)
    return np.asarray(clamp(fp.saturate_int32(quotient), plan.low, plan.high), np.int32)


@np.errstate(all="ignore")
def div_float32(x1: np.ndarray, x2: np.ndarray, plan: PlainPlan) -> np.ndarray:
    """Return y = clamp(x1 / x2)."""
    return clamp(np.divide(x1, x2), plan.low, plan.high)


def _check_divisor(divisor: np.ndarray, operator: str, zero: str) -> None:
    if not np.all(divisor):
        raise InputError(f"{operator}: the divisor holds {zero}: division by zero; keep the second operand away from it")
