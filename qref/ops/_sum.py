"""What ADD and SUB share: both operands brought to one scale, summed, and brought to the output's.

    input_scale = 2 * max(s_1, s_2)
    y = clamp(scale_y(scale_1(q_1 + input1_offset) +- scale_2(q_2 + input2_offset)) + output_offset)

scale_i multiplies by 2^left_shift * s_i / input_scale, scale_y by input_scale / (2^left_shift * s_y). left_shift is 20 for 8 bits
and 15 for 16 bits, the most that keeps the sum in 32 bits. All rounding is gemmlowp's: the high half of a product, ties up, then
a division by a power of two, ties away from zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from qref.arithmetic.activation import activation_range
from qref.arithmetic.explanation import Explanation
from qref.arithmetic.fixed_point import round_half_away, wrap_int16
from qref.arithmetic.libm import logf
from qref.schema.enums import TensorType

from ._elementwise import Scaling, element_of, finish, zero_point
from ._explain import explain_clamp, explain_output
from .node import Node, Operand, Prepared


@dataclass(frozen=True, slots=True)
class SumPlan:
    """The integers that are fixed before the first inference."""

    input1: Scaling
    input2: Scaling
    sign: int  # of the second operand: +1 for ADD, -1 for SUB
    output: Scaling
    output_offset: int  # +zero_point(y), LSB
    output_activation_min: int  # LSB
    output_activation_max: int
    output_dtype: np.dtype


@dataclass(frozen=True, slots=True)
class PotSumPlan:
    """int16 with scales that are powers of two: operands differ from the output by a shift to the right."""

    input1_right_shift: int
    input2_right_shift: int  # one of the two is 0
    sign: int
    output_activation_min: int  # LSB
    output_activation_max: int


def prepare_sum(node: Node, x1: Operand, x2: Operand, sign: int, *, by_shifts: bool = True) -> Prepared:
    """Derive the plan of quantized operands: the general one, or `by_shifts` where pot_scale_int16 asks for it."""
    y = node.output()
    zero_points = [zero_point(node, operand) for operand in (x1, x2, y)]
    qmin, qmax = activation_range(node.activation, y.dtype, float(y.scale), zero_points[2])
    if x1.type == TensorType.INT16:
        node.expect(not any(zero_points), f"int16 tensors need the zero point 0; found {zero_points}")
        exponents = [_power_of_two(operand.scale) for operand in (x1, x2, y)]
        if by_shifts and node.options.get("pot_scale_int16", True) and None not in exponents:
            return _prepare_shifts(node, exponents, sign, (qmin, qmax))  # type: ignore[arg-type]
    left_shift = 15 if x1.type == TensorType.INT16 else 20
    input_scale = 2 * max(float(x1.scale), float(x2.scale))
    node.expect(min(x1.scale, x2.scale) > 0, f"{x1} has scale {x1.scale:g} and {x2} {x2.scale:g}; expected both above 0")
    with np.errstate(all="ignore"):
        output_factor = float(np.float64(input_scale) / (2.0**left_shift * np.float64(y.scale)))

    def scaling(operand: Operand, zero_point: int) -> Scaling:
        return Scaling.of(node, float(operand.scale) / input_scale, str(operand), input_offset=-zero_point, left_shift=left_shift)

    plan = SumPlan(
        input1=scaling(x1, zero_points[0]),
        input2=scaling(x2, zero_points[1]),
        sign=sign,
        output=Scaling.of(node, output_factor, f"output {y}", greatest_shift=1 if sign < 0 else 0),
        output_offset=zero_points[2],
        output_activation_min=qmin,
        output_activation_max=qmax,
        output_dtype=y.dtype,
    )
    return Prepared(sum_quantized, plan, explain)


def _power_of_two(scale: np.float32) -> int | None:
    """log2(scale) where it is an integer to within 0.001, in float32."""
    if not (scale > 0 and np.isfinite(scale)):
        return None
    exponent = logf(scale) * (np.float32(1) / logf(np.float32(2)))
    nearest = round_half_away(exponent)
    return int(nearest) if abs(exponent - nearest) < np.float32(1e-3) else None


def _prepare_shifts(node: Node, exponents: Sequence[int], sign: int, limits: tuple[int, int]) -> Prepared:
    shifts = [exponents[2] - exponents[0], exponents[2] - exponents[1]]
    message = f"scales 2^{exponents[0]} and 2^{exponents[1]} to 2^{exponents[2]} with pot_scale_int16"
    node.expect(min(shifts) == 0, f"{message}: expected one input at the output's scale and the other not above")
    node.expect(max(shifts) <= 31, f"{message}: the kernel would shift by {max(shifts)} bits, which C does not define")
    same_shape = node.input(0).shape == node.input(1).shape
    node.expect(sign < 0 or same_shape, f"{message}: expected equal shapes; set pot_scale_int16 to false to broadcast")
    return Prepared(sum_by_shifts, PotSumPlan(shifts[0], shifts[1], sign, *limits), explain_shifts)


def sum_quantized(x1: np.ndarray, x2: np.ndarray, plan: SumPlan) -> np.ndarray:
    """Return y = clamp(scale_y(scale_1(x1) +- scale_2(x2)) + output_offset)."""
    total = plan.input1(x1) + plan.sign * plan.input2(x2)
    return finish(
        plan.output(total), plan.output_offset, plan.output_activation_min, plan.output_activation_max, plan.output_dtype
    )


def explain(x1: np.ndarray, x2: np.ndarray, plan: SumPlan, element: tuple[int, ...]) -> Explanation:
    """Explain y[element]."""
    e = Explanation()
    for q, x, scaling in (("q1", x1, plan.input1), ("q2", x2, plan.input2)):
        e.given(q, element_of(x, element), "the stored value, LSB")
        scaling.explain_operand(e, q, f"x{q[1]}")
    e.derive("acc", f"scaled_x1 {'+' if plan.sign > 0 else '-'} scaled_x2", "at the scale that both have now")
    explain_output(e, plan.output.explain(e, "acc"), plan)
    return e


def sum_by_shifts(x1: np.ndarray, x2: np.ndarray, plan: PotSumPlan) -> np.ndarray:
    """Return y = clamp(divide(x1, input1_right_shift) +- divide(x2, input2_right_shift)) int16, ties away from zero."""
    total = _divide_int16(x1, plan.input1_right_shift) + plan.sign * _divide_int16(x2, plan.input2_right_shift)
    return np.clip(total, plan.output_activation_min, plan.output_activation_max).astype(np.int16)


def explain_shifts(x1: np.ndarray, x2: np.ndarray, plan: PotSumPlan, element: tuple[int, ...]) -> Explanation:
    """Explain y[element]."""
    e = Explanation()
    for name, x, shift in (("x1", x1, plan.input1_right_shift), ("x2", x2, plan.input2_right_shift)):
        e.given(name, element_of(x, element), "the stored value, LSB")
        e.derive(f"dropped_{name}", f"{name} % 2**{shift}", f"the low {shift} bits, which the rounding drops")
        if shift > 15:
            e.derive(
                f"scaled_{name}", f"-1 if {name} < 0 else 1", "a mask of 16 bits holds no more: its sign is what comes of it"
            )
        else:
            e.derive(f"scaled_{name}", f"wrap(ties_away({name}, 2**{shift}), 16)", "shifted to the right, ties away from zero")
    e.derive("total", f"scaled_x1 {'+' if plan.sign > 0 else '-'} scaled_x2", "at the scale of the output")
    explain_clamp(e, "total", plan.output_activation_min, plan.output_activation_max)
    return e


def _divide_int16(x: np.ndarray, exponent: int) -> np.ndarray:
    """round(x / 2^exponent), ties away from zero; with a mask of 16 bits, exponents above 15 give the sign of x, 1 for 0."""
    x = np.asarray(x, np.int64)
    mask = wrap_int16((1 << exponent) - 1)
    return wrap_int16((x >> exponent) + ((x & mask) > (mask >> 1) + (x < 0)))
