"""What an operator is run on: the values that occur while the whole model runs, and any others by the operator alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from qref.inputs import start
from qref.interpreter import Interpreter
from qref.ops import Node, Prepared


@dataclass(frozen=True, slots=True)
class Case:
    """One evaluation of an operator."""

    inputs: tuple[np.ndarray | None, ...]  # in the operator's order, None where absent
    outputs: tuple[np.ndarray, ...]  # and behind them the new values of its variable inputs
    acc: np.ndarray | None  # int64 in the shape of the output, before wrapping; None for an operator without


@dataclass(frozen=True, slots=True)
class Subject:
    """An operator under test."""

    interpreter: Interpreter
    node: Node
    prepared: Prepared
    free: tuple[int, ...]  # positions of the inputs that are no constants
    layer: tuple[Case, ...]

    @property
    def index(self) -> int:
        """Number of the operator in the main subgraph."""
        return self.node.operator.index

    @property
    def stands_alone(self) -> bool:
        """Whether the outputs follow from the inputs: not so for an operator that calls a subgraph or reads a resource."""
        return self.prepared.pure or bool(self.prepared.updates)

    def evaluate(self, inputs: Sequence[np.ndarray | None]) -> Case:
        """The operator by itself on these inputs."""
        _, prepared = self.interpreter.prepare_operator(self.index, inputs)
        return evaluate(prepared, inputs)


def evaluate(prepared: Prepared, inputs: Sequence[np.ndarray | None]) -> Case:
    """A prepared operator on the inputs that it was prepared for."""
    outputs = prepared.reference(*inputs, prepared.plan)
    outputs = tuple(outputs) if isinstance(outputs, list | tuple) else (outputs,)
    acc = prepared.accumulate(*inputs, prepared.plan).reshape(outputs[0].shape) if prepared.accumulate is not None else None
    return Case(tuple(inputs), outputs, acc)


def run_layers(
    interpreter: Interpreter, rounds: Sequence[dict[int, np.ndarray]], operators: Sequence[int]
) -> tuple[list[Subject], dict[int, str]]:
    """The operators with those numbers, with the values that they see while the model runs on each of `rounds` in turn.

    rounds  arrays for the model's inputs, by tensor index
    Returns the subjects, and for each operator that has none the reason why.
    Raises InputError for a number that no operator has, ModelError for a model that cannot be run.
    """
    graph = interpreter.model.subgraphs[0]
    for index in operators:
        interpreter.operator(index)
    start(interpreter, rounds[0])
    snapshots = [_run(interpreter, arrays) for arrays in rounds]
    subjects, left_away = [], {}
    constants = _constants(interpreter)
    for index in operators:
        operator = graph.operators[index]
        missing = [i for i in (*operator.inputs, *operator.outputs) if i >= 0 and i not in snapshots[0][1]]
        if missing:
            left_away[index] = f"tensor {missing[0]} holds no array of numbers"
            continue
        cases = []
        for before, after in snapshots:
            values = {**after, **before}
            inputs = tuple(None if i < 0 else values[i] for i in operator.inputs)
            node, prepared = interpreter.prepare_operator(index, inputs)
            inputs = tuple(node.arguments(inputs))
            recorded = tuple(after[i] for i in operator.outputs)
            states = tuple(after[operator.inputs[position]] for position in prepared.updates)
            case = evaluate(prepared, inputs) if prepared.pure or prepared.updates else Case(inputs, recorded, None)
            if not all(_same_bits(a, b) for a, b in zip(case.outputs, recorded + states, strict=True)):
                left_away[index] = "its variable inputs are written by another operator too, so that no one saw what it read"
            cases.append(case)
        if index not in left_away:
            free = tuple(p for p, i in enumerate(operator.inputs) if i >= 0 and i not in constants)
            subjects.append(Subject(interpreter, node, prepared, free, tuple(cases)))
    return subjects, left_away


def _run(interpreter: Interpreter, arrays: dict[int, np.ndarray]) -> tuple[dict[int, np.ndarray], dict[int, np.ndarray]]:
    """The variables before the model runs, and every tensor after it."""
    tensors = [t for t in interpreter.model.subgraphs[0].tensors if t.type.dtype is not None]
    before = {t.index: interpreter.get_tensor(t.index) for t in tensors if t.is_variable}
    for index, array in arrays.items():
        interpreter.set_tensor(index, array)
    interpreter.invoke()
    return before, {t.index: interpreter.get_tensor(t.index) for t in tensors if interpreter.is_held(t.index)}


def _constants(interpreter: Interpreter) -> set[int]:
    """The tensors whose values no input changes: those of the file, and what operators make of these alone."""
    model = interpreter.model
    graph = model.subgraphs[0]
    written = {*graph.inputs, *(i for operator in graph.operators for i in operator.outputs)}
    constants = {t.index for t in graph.tensors if t.index not in written and not t.is_variable and model.data(t) is not None}
    for operator in graph.operators:
        if operator.name == "DEQUANTIZE" and all(i in constants for i in operator.inputs):
            constants.update(operator.outputs)
    return constants


def _same_bits(a: np.ndarray, b: np.ndarray) -> bool:
    return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
