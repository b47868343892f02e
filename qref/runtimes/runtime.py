"""A runtime as a value: a name, the version it was proven against, and which rule it applies to which operator."""

from __future__ import annotations

from dataclasses import dataclass

from qref.arithmetic.requantize import Requantize


@dataclass(frozen=True, slots=True)
class RequantizeRule:
    """The rounding of one operator's accumulators ("*": of every operator not named), and how that is known."""

    operator: str
    acc_bits: int
    rule: type[Requantize]
    evidence: str


@dataclass(frozen=True, slots=True)
class Runtime:
    """What one kernel library does where libraries differ."""

    name: str
    version: str
    requantize_rules: tuple[RequantizeRule, ...]
    kernel_sets: tuple[str, ...] = ("reference",)  # where operators are looked up, see qref.ops.find_prepare

    def requantize(self, operator: str, acc_bits: int) -> type[Requantize]:
        """The rounding rule for an operator's accumulators of 32 or 64 bits."""
        fitting = [r for r in self.requantize_rules if r.operator in (operator, "*") and r.acc_bits == acc_bits]
        return fitting[0].rule
