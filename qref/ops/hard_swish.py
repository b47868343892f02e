"""HARD_SWISH: y = x * relu6(x + 3) / 6.

Layout   x [...] -> y [...]
Types    float32; int8, uint8, in 16-bit fixed point
Scales   any with s_x / s_y < 128
Note     where s_x / s_y < 2^-9, LiteRT divides a 16-bit number by 2^16 or more and gets 1 or -1 LSB, not 0; so does qref
Source   LiteRT, reference/hard_swish.h; facts verified in tests/ops/test_relu.py
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qref.arithmetic.explanation import Explanation
from qref.arithmetic.fixed_point import (
    quantize_multiplier,
    reduce_multiplier,
    rounding_divide_by_pot,
    saturating_left_shift_16,
    saturating_rounding_doubling_high_mul_16,
    wrap_int16,
)
from qref.schema.enums import TensorType

from ._explain import explain_output_of_type
from ._explain_fixed_point import high, saturated
from ._formulas import explain_by
from ._function_formulas import HARD_SWISH
from ._unary import QUANTIZED_8BIT, operands, prepare_function, ratio, scales
from .node import Node, Prepared

HIRES_BITS = 7  # x is computed with in steps of s_x / 128


@dataclass(frozen=True, slots=True)
class HardSwishPlan:
    """The integers that are fixed before the first inference; multiplier * 2^(exponent - 15) are real factors."""

    input_offset: int  # -zero_point(x), LSB
    output_offset: int  # +zero_point(y), LSB
    output_multiplier: int  # s_x / 128 / s_y
    output_exponent: int  # <= 0
    reluish_multiplier: int  # s_x / 128 / (3 / 2^15): to steps in which [-3, 3] fills 16 bits
    reluish_exponent: int


def prepare(node: Node) -> Prepared:
    """Check the operands and derive the plan."""
    x, y = operands(node, TensorType.FLOAT32, *QUANTIZED_8BIT)
    if x.type == TensorType.FLOAT32:
        return prepare_function(hard_swish_float32, explain_by(*HARD_SWISH))
    input_scale, output_scale = scales(node, x, y)
    hires_scale = np.float32(1 / 128) * input_scale
    output_multiplier, output_exponent = _multiplier_16(ratio(hires_scale, output_scale))
    node.expect(output_exponent <= 0, f"scale {input_scale} of {x} is 128 times the scale {output_scale} of {y} or more")
    reluish = _multiplier_16(ratio(hires_scale, np.float32(3 / 32768)))
    node.expect(reluish[1] <= 15, f"scale {input_scale} of {x} is too great: expected less than 384")
    return Prepared(hard_swish, HardSwishPlan(-x.zero_point, y.zero_point, output_multiplier, output_exponent, *reluish), explain)


def _multiplier_16(real: np.float32) -> tuple[int, int]:
    multiplier, exponent = quantize_multiplier(real)
    return int(reduce_multiplier(multiplier)), int(exponent)


def hard_swish(x: np.ndarray, plan: HardSwishPlan) -> np.ndarray:
    """Return y [...].

    v     = (x[i] + input_offset) * 2^7                                                   16 bits
    r     = (high(v * 2^(reluish_exponent - 1), reluish_multiplier) * 2 + 2^15) / 2       relu6(x + 3) / 6, of 2^15
    p     = high(v, output_multiplier)                                                    x, in steps of s_y * 2^-output_exponent
    y[i]  = clamp(divide(trunc(r * p / 2^15), -output_exponent) + output_offset)
    """
    limits, multiply = np.iinfo(x.dtype), saturating_rounding_doubling_high_mul_16
    v = wrap_int16((x.astype(np.int64) + plan.input_offset) << HIRES_BITS)
    left, right = max(plan.reluish_exponent, 0), max(-plan.reluish_exponent, 0)
    relu = multiply(saturating_left_shift_16(v, max(left - 1, 0)), plan.reluish_multiplier)
    relu = rounding_divide_by_pot(saturating_left_shift_16(relu, min(left, 1)), right)
    product = (relu + 2**15 >> 1) * multiply(v, plan.output_multiplier)
    swish = wrap_int16(np.sign(product) * (np.abs(product) >> 15))
    if plan.output_exponent < -15:
        y = np.where(swish < 0, -1, 1) + plan.output_offset
    else:
        y = rounding_divide_by_pot(swish, -plan.output_exponent) + plan.output_offset
    return np.asarray(np.clip(y, limits.min, limits.max)).astype(x.dtype)


def hard_swish_float32(x: np.ndarray) -> np.ndarray:
    """Return y[i] = x[i] * clip(x[i] + 3, 0, 6) / 6, in this order."""
    return x * np.clip(x + np.float32(3), np.float32(0), np.float32(6)) / np.float32(6)


def explain(x: np.ndarray, plan: HardSwishPlan, element: tuple[int, ...]) -> Explanation:
    """Explain y[element]."""
    e, left, right = Explanation(), max(plan.reluish_exponent, 0), max(-plan.reluish_exponent, 0)
    e.given("x", x[element].item(), "the stored value, LSB")
    e.given("input_offset", plan.input_offset, "minus the zero point of the input")
    e.given("reluish_multiplier", plan.reluish_multiplier, "15 bits: to steps in which [-3, 3] fills 16 bits")
    e.given("output_multiplier", plan.output_multiplier, "15 bits: to steps of the output's scale")
    e.derive("v", f"wrap((x + input_offset) * 2**{HIRES_BITS}, 16)", f"in steps of s_x / 2^{HIRES_BITS}")
    e.derive("relu_shifted", saturated(f"v * 2**{max(left - 1, 0)}", 16))
    e.derive("dropped_by_relu", "relu_shifted * reluish_multiplier % 2**15", "the low 15 bits, which the rounding drops")
    e.derive("relu_high", high("relu_shifted", "reluish_multiplier", 16), "the high half, ties up")
    e.derive("relu", f"ties_away({saturated(f'relu_high * 2**{min(left, 1)}', 16)}, 2**{right})", "x / 3, within [-1, 1)")
    e.derive("gate", "(relu + 2**15) // 2", "relu6(x + 3) / 6, of 2^15")
    e.derive("dropped_by_scale", "v * output_multiplier % 2**15", "the low 15 bits, which the rounding drops")
    e.derive("scaled_v", high("v", "output_multiplier", 16), f"x in steps of s_y / 2^{-plan.output_exponent}, ties up")
    e.derive("swish", "wrap(toward_zero(gate * scaled_v, 2**15), 16)", "the product, rounded towards zero")
    if plan.output_exponent < -15:
        e.derive("scaled", "-1 if swish < 0 else 1", "C does not define the shift: its sign is what comes of it")
    else:
        e.derive(
            "dropped", f"swish % 2**{-plan.output_exponent}", f"the low {-plan.output_exponent} bits, which the rounding drops"
        )
        e.derive("scaled", f"ties_away(swish, 2**{-plan.output_exponent})", "ties away from zero")
    explain_output_of_type(e, "scaled", plan.output_offset, x.dtype)
    return e
