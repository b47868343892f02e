"""What LOGISTIC and TANH of 16 bits share: the scaling of x to the steps of one table."""

from __future__ import annotations

import math
from dataclasses import dataclass

from qref.arithmetic.explanation import Explanation
from qref.arithmetic.lookup_table import sigmoid_scaling

from ._unary import expect_symmetric, scales
from .node import Node, Operand

INTEGER_BITS = 3  # of an input with the scale 2^-12, as a word of 16 bits


@dataclass(frozen=True, slots=True)
class SigmoidPlan:
    """x * input_multiplier / 2^input_left_shift is in steps of the table; a multiplier of 0 stands for a power of two."""

    input_multiplier: int
    input_left_shift: int


def prepare_sigmoid_scaling(node: Node, x: Operand, y: Operand, greatest_left_shift: int) -> SigmoidPlan:
    """Check the scales and derive the plan; the output's has to be 2^-15, as near as LiteRT wants it."""
    expect_symmetric(node, x, y)
    input_scale, output_scale = scales(node, x, y)
    node.expect(abs(math.log2(output_scale) + 15) < 1e-3, f"{y} has the scale {output_scale}; int16 needs {2.0**-15}")
    node.expect(0 < input_scale < 2.0**17, f"{x} has the scale {input_scale}; expected one above 0 and below 2^17")
    return SigmoidPlan(*sigmoid_scaling(float(input_scale), greatest_left_shift))


def derive_logistic(e: Explanation, x: str, y: str, plan: SigmoidPlan) -> str:
    """Append the step `y`, LOGISTIC of the step `x` of 16 bits, of 2^15; returns its name."""
    of = _suffix(y)
    sigmoid = _derive_sigmoid(e, x, of, plan, 9, 0x7FFF << 10)
    formula = f"2**25 - {sigmoid} + 511 if place{of} < 0 else {sigmoid} + 512"
    e.derive(f"of_sign{of}", formula, "what it lacks to 1 below zero, and 1/2 LSB")
    return e.derive(y, f"of_sign{of} // 2**10", "rounded")


def derive_tanh(e: Explanation, x: str, y: str, plan: SigmoidPlan) -> str:
    """Append the step `y`, TANH of the step `x` of 16 bits, of 2^15; returns its name."""
    of = _suffix(y)
    sigmoid = _derive_sigmoid(e, x, of, plan, 8, 0xFFFF << 8)
    e.derive(f"centered{of}", f"{sigmoid} - 2**23", "2 sigmoid(2 x) - 1")
    e.derive(f"of_sign{of}", f"-centered{of} + 127 if place{of} < 0 else centered{of} + 128", "and 1/2 LSB")
    return e.derive(y, f"of_sign{of} // 2**8", "rounded")


def _suffix(y: str) -> str:
    return "" if y == "y" else f"_{y}"


def _derive_sigmoid(e: Explanation, x: str, of: str, plan: SigmoidPlan, interval_bits: int, limit: int) -> str:
    """Append "place", in steps of 2^-interval_bits entries, and "sigmoid" of |x|, scaled by 2^(16 + interval_bits).

    of      what the names of steps end in
    limit   the sigmoid beyond the table
    """
    power_of_two = plan.input_multiplier == 0
    multiplier, shift = (3 << plan.input_left_shift, 0) if power_of_two else (plan.input_multiplier, plan.input_left_shift)
    e.given(f"input_multiplier{of}", multiplier, f"to 2^{shift} times the steps of the table")
    e.derive(f"shifted{of}", f"wrap({x} * input_multiplier{of} + {1 << shift >> 1}, 32)")
    e.derive(f"place{of}", f"shifted{of} // 2**{shift}", "in the table, to nearest, ties up")
    e.derive(f"interval{of}", f"abs(place{of}) // 2**{interval_bits}", "the entry at or below |place|")
    e.derive(f"fraction{of}", f"abs(place{of}) % 2**{interval_bits}", f"how far to the next one, of 2^{interval_bits}")
    if e.value(f"interval{of}") >= 255:
        return e.given(f"sigmoid{of}", limit, "beyond the table")
    for k in (0, 1):
        _derive_entry(e, k, of)
    formula = f"entry0{of} * 2**{interval_bits} + fraction{of} * (entry1{of} - entry0{of})"
    return e.derive(f"sigmoid{of}", formula, f"between the entries, scaled by 2^{16 + interval_bits}")


def _derive_entry(e: Explanation, k: int, of: str) -> None:
    """Append an entry: the sigmoid, shifted by half of the error that a line makes in the middle of its interval."""
    if e.value(f"interval{of}") + k == 255:
        e.derive(f"entry{k}{of}", "2**16 - 1", "the last entry, where the function saturates")
        return
    for name, at in (("start", k), ("middle", k + 0.5), ("end", k + 1)):
        e.derive(f"{name}{k}{of}", f"65536 / (1 + exp(-(interval{of} + {at}) / 24))", "the sigmoid, of 2^16, in float64")
    error = f"(middle{k}{of} - (start{k}{of} + end{k}{of}) / 2) / 2"
    e.derive(f"entry{k}{of}", f"round_half_away(start{k}{of} + {error})", "of the table")
