"""What LOGISTIC and TANH of 16 bits share: the scaling of x to the steps of one table."""

from __future__ import annotations

import math
from dataclasses import dataclass

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
