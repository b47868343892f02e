"""A runtime as a value: a name, the version it was proven against, and which rule it applies to which operator."""

from __future__ import annotations

from dataclasses import dataclass

from qref.arithmetic.requantize import Requantize


@dataclass(frozen=True, slots=True)
class RequantizeRule:
    """The rounding of one operator's accumulators ("*": of every operator not named)."""

    operator: str
    acc_bits: int
    rule: type[Requantize]


@dataclass(frozen=True, slots=True)
class Rule:
    """What a runtime computes for some operators on operands of some types, in a sentence.

    names      of operators, with a space between them
    on         the types of the input (int8, float32, ...), or of input x weights as in float32xint8; "*": all not named before
    read_only  known from the runtime's sources alone, not compared with it
    """

    names: str
    on: str
    text: str
    read_only: bool = False

    @property
    def operators(self) -> tuple[str, ...]:
        """The operators that the rule is of."""
        return tuple(self.names.split())

    @property
    def types(self) -> tuple[str, ...]:
        """The types that the rule is for."""
        return tuple(self.on.split())

    def covers(self, operator: str, types: str) -> bool:
        """Whether the rule is that of an operator on these types; types of inputs as in "int8" or "float32xint8"."""
        return operator in self.operators and bool({types, types.split("x")[0], "*"} & set(self.types))


@dataclass(frozen=True, slots=True)
class Runtime:
    """What one kernel library does where libraries differ.

    kernel_sets  where operators are looked up, first to last, see qref.ops.find_prepare
    rules        what is particular to this runtime; all else follows `otherwise`
    otherwise    the runtime whose kernels it uses for the rest
    """

    name: str
    version: str
    requantize_rules: tuple[RequantizeRule, ...]
    kernel_sets: tuple[str, ...]
    rules: tuple[Rule, ...]
    otherwise: Runtime | None = None

    def requantize(self, operator: str, acc_bits: int) -> type[Requantize]:
        """The rounding rule for an operator's accumulators of 32 or 64 bits."""
        fitting = [r for r in self.requantize_rules if r.operator in (operator, "*") and r.acc_bits == acc_bits]
        return fitting[0].rule

    def rule_of(self, operator: str, types: str) -> tuple[Rule, Runtime] | None:
        """The rule for an operator on these types, and the runtime whose rule it is; None if there is none."""
        for rule in self.rules:
            if rule.covers(operator, types):
                return rule, self
        return None if self.otherwise is None else self.otherwise.rule_of(operator, types)
