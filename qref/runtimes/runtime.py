"""A runtime as a value: a name, the version it was proven against, and which rule it applies to which operator."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from qref.arithmetic.requantize import Requantize
from qref.ops.node import Node


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
    on         types of the first input, or of several with an x between them; float32 weights are meant by float32, integer ones
               by float32xint8; "*" stands for all types that are not named before
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
        """Whether the rule is that of an operator on these types, as in "int8" or "float32xint8"."""
        hybrid = types.startswith("float32xint")
        return operator in self.operators and any(
            t in ("*", types) or (types.startswith(f"{t}x") and not hybrid) for t in self.types
        )


@dataclass(frozen=True, slots=True)
class Runtime:
    """What one kernel library does where libraries differ.

    kernel_sets  where operators are looked up, first to last, see qref.ops.find_prepare
    rules        what is particular to this runtime; all else follows `otherwise`
    otherwise    the runtime whose kernels it uses for the rest
    operators    those that it registers, each with the types it has them for, as in int8xint4 (of the first inputs) and
                 int8->int16 (output), empty where types do not matter; None: all operators and types that qref has
    declared_outputs  whether outputs have the shapes and types that the file declares, and none are inferred
    """

    name: str
    version: str
    requantize_rules: tuple[RequantizeRule, ...]
    kernel_sets: tuple[str, ...]
    rules: tuple[Rule, ...]
    otherwise: Runtime | None = None
    operators: Mapping[str, tuple[str, ...]] | None = None
    declared_outputs: bool = False

    def requantize(self, operator: str, acc_bits: int) -> type[Requantize]:
        """The rounding rule for an operator's accumulators of 32 or 64 bits."""
        fitting = [r for r in self.requantize_rules if r.operator in (operator, "*") and r.acc_bits == acc_bits]
        return fitting[0].rule

    def expect_registered(self, node: Node) -> None:
        """Raise UnsupportedOperator unless the runtime has the node's operator for the types of its operands."""
        if self.operators is None:
            return
        types = self.operators.get(node.operator.name)
        if types is None:
            node.unsupported(f"the runtime {self.name} has no such operator")
        inputs = [operand.type.name.lower() if operand is not None else "-" for operand in node.inputs]
        output = node.outputs[0].type.name.lower() if node.outputs else ""
        if types and not any(_fits(each, inputs, output) for each in types):
            found = f"{'x'.join(inputs)}->{output}"
            node.unsupported(f"the runtime {self.name} has it for {', '.join(types)}; found {found}")

    def expect_declared(self, node: Node) -> None:
        """Raise SpecViolation where a prepared output has another shape or type than the file declares, if that matters."""
        for operand in node.outputs if self.declared_outputs else ():
            declared, found = (operand.tensor.shape, operand.tensor.type), (operand.known_shape, operand.type)
            message = (
                f"the runtime {self.name} takes shapes and types from the file: {operand} is declared as {declared[1].name} "
                f"{list(declared[0])}; expected {found[1].name} {found[0]}"
            )
            node.expect(found[0] is None or found == declared, message)

    def rule_of(self, operator: str, types: str) -> tuple[Rule, Runtime] | None:
        """The rule for an operator on these types, and the runtime whose rule it is; None if there is none."""
        for rule in self.rules:
            if rule.covers(operator, types):
                return rule, self
        return None if self.otherwise is None else self.otherwise.rule_of(operator, types)


def _fits(types: str, inputs: list[str], output: str) -> bool:
    """Whether types as in "int8xint4->int8" begin with those of the inputs and name that of the output, if any."""
    wanted, _, result = types.partition("->")
    first = wanted.split("x")
    return first == inputs[: len(first)] and result in ("", output)
