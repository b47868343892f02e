"""One operator on given inputs, and the ways to compute it that deviate from its runtime's in one thing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from qref.dispatch import bind
from qref.execution import find_kernel
from qref.ops import Node, Operand, Prepared

Arrays = Sequence[np.ndarray | None]
Hypotheses = Iterator[tuple[str, Callable[..., Any]]]  # what deviates, as in "the bias missing", and the outputs then


@dataclass(frozen=True, slots=True)
class Case:
    """An operator as one runtime prepares it for the inputs."""

    node: Node
    prepared: Prepared
    inputs: Arrays

    @property
    def plan(self) -> Any:
        """The operator's plan."""
        return self.prepared.plan

    def outputs(self) -> list[np.ndarray]:
        """What the runtime computes, by its compiled form."""
        constants = [None if operand is None else operand.constant for operand in self.node.inputs]
        return self.of_node(bind(self.prepared, constants, "numba")(*self.inputs))

    def of_node(self, results: Any) -> list[np.ndarray]:
        """The results of a reference without the new states behind them."""
        return list(results if isinstance(results, tuple) else [results])[: len(self.node.outputs)]

    def with_plan(self, **fields: Any) -> Any:
        """The results with other values in some fields of the plan."""
        return self.prepared.reference(*self.inputs, replace(self.plan, **fields))

    def with_input(self, position: int, array: np.ndarray) -> Any:
        """The results with another array for an input."""
        arrays = [array if i == position else old for i, old in enumerate(self.inputs)]
        return self.prepared.reference(*arrays, self.plan)

    def anew(self, **fields: Any) -> Case:
        """The operator prepared again, with other values in some fields of its node."""
        node = replace(self.node, **{"outputs": self.node.outputs, **fields})
        node.outputs = tuple(replace(operand, known_shape=None, known_value=None) for operand in node.outputs)
        return Case(node, find_kernel(node), self.inputs)

    def under(self, rules: Any) -> Case:
        """The operator prepared again, for another runtime."""
        return self.anew(session=replace(self.node.session, rules=rules))

    def evaluate(self) -> Any:
        """The results of the reference."""
        return self.prepared.reference(*self.inputs, self.plan)


def requantized(operand: Operand, **fields: Any) -> Operand:
    """The operand with other values in some fields of its quantization."""
    return replace(operand, tensor=replace(operand.tensor, quantization=replace(operand.tensor.quantization, **fields)))  # type: ignore[type-var]


def matmul_operands(case: Case) -> tuple[int, int]:
    """Positions of input and weights in the matmul family."""
    return (2, 1) if case.node.operator.name == "TRANSPOSE_CONV" else (0, 1)


def role(case: Case, position: int) -> str:
    """What an input is called: "the input", "the weights", or its number."""
    if case.prepared.accumulate is not None and position in matmul_operands(case):
        return "the input" if position == matmul_operands(case)[0] else "the weights"
    return "the input" if len(case.node.inputs) == 1 else f"input {position}"
