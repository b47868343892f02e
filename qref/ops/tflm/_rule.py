"""The runtime's rounding of 31-bit multipliers, for operators that derive multiplier and shift themselves."""

from __future__ import annotations

from qref.arithmetic.requantize import DoubleRounding, FixedPointRule, SingleRounding
from qref.ops.node import Node


def rule_of(node: Node) -> type[FixedPointRule]:
    """DoubleRounding or SingleRounding, which take a multiplier and a shift."""
    rule = node.session.rules.requantize(node.operator.name, 32)
    assert issubclass(rule, DoubleRounding | SingleRounding)
    return rule
