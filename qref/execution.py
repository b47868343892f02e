"""One subgraph being run: the operands, the prepared operators and what every tensor holds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from qref.dispatch import bind
from qref.errors import InvalidModel, UnsupportedOperator
from qref.ops import Node, NotYetKnown, Operand, Prepared, find_prepare
from qref.ops.node import Rules, Shape, Subgraphs
from qref.schema.model import Model, Subgraph


@dataclass(slots=True)
class Resources:
    """The resource variables of a model, shared by all its subgraphs."""

    values: dict[int, np.ndarray] = field(default_factory=dict)
    ids: dict[tuple[str, str], int] = field(default_factory=dict)


@dataclass(slots=True)
class Step:
    """A node, what it was prepared to (None: its shapes are only known while the graph runs) and the form bound to evaluate it."""

    node: Node
    prepared: Prepared | None = None
    evaluate: Callable[..., Any] | None = None
    folded: bool = False  # its results are constants, computed once


class Execution:
    """A subgraph with the state of its tensors; `values[i]` is what tensor i holds, None before it is computed."""

    def __init__(self, model: Model, subgraph: Subgraph, rules: Rules, kernels: str, resources: Resources, subgraphs: Subgraphs):
        self.subgraph = subgraph
        self.kernels = kernels
        self.operands = [Operand(t, t.type, tuple(abs(n) for n in t.shape), model.data(t)) for t in subgraph.tensors]
        self.values: list[np.ndarray | None] = [operand.constant for operand in self.operands]
        self.steps = [
            Step(
                Node(
                    operator,
                    inputs=tuple(self.operands[i] if i >= 0 else None for i in operator.inputs),
                    outputs=tuple(self.operands[i] for i in operator.outputs),
                    rules=rules,
                    intermediates=tuple(self.operands[i] for i in operator.intermediates),
                    resources=resources.values,
                    resource_ids=resources.ids,
                    invoke_subgraph=subgraphs,
                )
            )
            for operator in subgraph.operators
        ]

    def allocate(self) -> None:
        """Prepare every operator whose input shapes are known now; variables take their initial value, inputs zeros."""
        for step in self.steps:
            for operand in step.node.outputs:
                operand.known_shape = operand.known_value = None
        for step in self.steps:
            try:
                self._prepare(step)
            except NotYetKnown:
                step.prepared = step.evaluate = None
                for operand in step.node.outputs:
                    operand.known_shape = None
            step.folded = step.prepared is not None and step.prepared.pure and all(_is_known(o) for o in step.node.inputs)
            if step.folded:
                self._evaluate(step)
                for operand in step.node.outputs:
                    operand.known_value = self.values[operand.tensor.index]
        self.reset_variables()
        for index in self.subgraph.inputs:
            operand, value = self.operands[index], self.values[index]
            if operand.constant is None and (value is None or value.shape != operand.shape):
                self.values[index] = np.zeros(operand.shape, operand.dtype)

    def resize_input(self, index: int, shape: Shape) -> None:
        """Give an input tensor another shape; takes effect with the next `allocate`."""
        self.operands[index].known_shape = shape

    def reset_variables(self) -> None:
        """Give every variable tensor its initial value: the zero point of its quantization, else zero."""
        for operand in self.operands:
            if operand.tensor.is_variable:
                initial = operand.zero_point if operand.quantization is not None else 0
                self.values[operand.tensor.index] = np.full(operand.shape, initial, operand.dtype)

    def invoke(self) -> None:
        """Evaluate the operators in the file's order."""
        for step in self.steps:
            if step.folded:
                continue
            if step.prepared is not None:
                self._evaluate(step)
                continue
            inputs = [(o, self._value(step.node, o)) for o in step.node.inputs if o is not None and o.constant is None]
            for operand, value in inputs:
                operand.known_shape, operand.known_value = value.shape, value
            self._prepare(step)
            self._evaluate(step)
            step.prepared = None
            for operand, _ in inputs:
                operand.known_value = None

    def _prepare(self, step: Step) -> None:
        name = step.node.operator.name
        prepare = find_prepare(name)
        if prepare is None:
            raise UnsupportedOperator(f"{step.node}: qref has no such operator; the model can be analyzed but not run")
        try:
            step.prepared = prepare(step.node)
        except ValueError as error:  # a constant outside the domain of an arithmetic rule
            step.node.fail(str(error))
        constants = [None if o is None else o.constant if o.constant is not None else o.known_value for o in step.node.inputs]
        step.evaluate = bind(step.prepared, constants, self.kernels)

    def _value(self, node: Node, operand: Operand) -> np.ndarray:
        value = self.values[operand.tensor.index]
        if value is None:
            raise InvalidModel(f"{node}: {operand} is read before any operator has written it")
        return value

    def _evaluate(self, step: Step) -> None:
        inputs = [None if o is None else self._value(step.node, o) for o in step.node.inputs]
        results = step.evaluate(*inputs)  # type: ignore[misc]
        results = list(results) if isinstance(results, tuple) else [results]
        for operand, result in zip(step.node.outputs, results):
            assert result.shape == operand.shape and result.dtype == operand.dtype, (str(step.node), result.shape, result.dtype, operand)
            self.values[operand.tensor.index] = result
        updates = step.prepared.updates  # type: ignore[union-attr]
        for position, state in zip(updates, results[len(results) - len(updates) :]):
            self.values[step.node.input(position).tensor.index] = state


def _is_known(operand: Operand | None) -> bool:
    return operand is None or operand.constant is not None or operand.known_value is not None
