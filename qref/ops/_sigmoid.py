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


def explain_sigmoid(x: int, plan: SigmoidPlan, interval_bits: int, limit: int) -> Explanation:
    """From x to "place", in steps of 2^-interval_bits entries, and "sigmoid" of |x|, scaled by 2^(16 + interval_bits).

    limit   the sigmoid beyond the table
    """
    e, power_of_two = Explanation(), plan.input_multiplier == 0
    multiplier, shift = (3 << plan.input_left_shift, 0) if power_of_two else (plan.input_multiplier, plan.input_left_shift)
    e.given("x", x, "the stored value, LSB")
    e.given("input_multiplier", multiplier, f"to 2^{shift} times the steps of the table")
    e.derive("shifted", f"wrap(x * input_multiplier + {1 << shift >> 1}, 32)")
    e.derive("place", f"shifted // 2**{shift}", "in the table, to nearest, ties up")
    e.derive("interval", f"abs(place) // 2**{interval_bits}", "the entry at or below |place|")
    e.derive("fraction", f"abs(place) % 2**{interval_bits}", f"how far to the next one, of 2^{interval_bits}")
    if e.value("interval") >= 255:
        e.given("sigmoid", limit, "beyond the table")
        return e
    for k in (0, 1):
        _explain_entry(e, k)
    formula = f"entry0 * 2**{interval_bits} + fraction * (entry1 - entry0)"
    e.derive("sigmoid", formula, f"between the entries, scaled by 2^{16 + interval_bits}")
    return e


def _explain_entry(e: Explanation, k: int) -> None:
    """Append an entry: the sigmoid, shifted by half of the error that a line makes in the middle of its interval."""
    if e.value("interval") + k == 255:
        e.derive(f"entry{k}", "2**16 - 1", "the last entry, where the function saturates")
        return
    for name, at in (("start", k), ("middle", k + 0.5), ("end", k + 1)):
        e.derive(f"{name}{k}", f"65536 / (1 + exp(-(interval + {at}) / 24))", "the sigmoid, of 2^16, in float64")
    error = f"(middle{k} - (start{k} + end{k}) / 2) / 2"
    e.derive(f"entry{k}", f"round_half_away(start{k} + {error})", "of the table")
