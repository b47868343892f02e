"""DIV as TFLM computes it: s_1 / (s_2 * s_y) is formed in float64."""

from __future__ import annotations

import numpy as np

from qref.arithmetic.fixed_point import quantize_multiplier
from qref.arithmetic.requantize import DoubleRounding
from qref.ops import div as base
from qref.ops._matmul import with_plan
from qref.ops.node import Node, Prepared


def prepare(node: Node) -> Prepared:
    """Check the operands and derive the plan."""
    prepared = base.prepare(node)
    if not isinstance(prepared.plan, base.DivPlan):
        return prepared
    if node.fixed_point_rule() is not DoubleRounding:
        node.unsupported(
            "with a single rounding, DIV of int8 shifts small quotients by 64 bits and more, which C does not define; "
            "take the runtime tflm"
        )
    s1, s2, sy = (np.float64(operand.scale) for operand in (node.input(0), node.input(1), node.output()))
    multiplier, shift = quantize_multiplier(s1 / (s2 * sy))
    return with_plan(prepared, quantized_multiplier=int(multiplier), shift=int(shift))
