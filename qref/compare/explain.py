"""Explain: one output element of one operator, step by step in one runtime, and what other runtimes make of the same inputs."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from qref.arithmetic.explanation import Step
from qref.dispatch import bind
from qref.errors import InputError, QrefError, UnsupportedOperator
from qref.inputs import start
from qref.interpreter import Interpreter
from qref.notebook import html_table
from qref.ops import Node, Operand, Prepared
from qref.runtimes import RUNTIMES
from qref.schema.model import Model


@dataclass(frozen=True, slots=True)
class OperandSummary:
    """An operand of the operator: real = scale * (q - zero_point) where it has one scale.

    role  "input 0", "input 1", ... or "output"
    """

    role: str
    tensor: int
    name: str
    type: str
    shape: tuple[int, ...]
    scale: float | None
    zero_point: int | None
    scales: int  # how many


@dataclass(frozen=True, slots=True)
class ElementExplanation:
    """Why y[element] is what it is.

    steps   the last one is the element; see qref.arithmetic.explanation
    others  the element in each other runtime, computed from the same inputs; a text where that runtime has no such operator
    """

    operator: int
    name: str
    runtime: str
    element: tuple[int, ...]
    operands: tuple[OperandSummary, ...]
    steps: tuple[Step, ...]
    others: dict[str, int | float | str]

    @property
    def value(self) -> int | float:
        """The output element: an integer in LSB, or a real number."""
        return self.steps[-1].value  # type: ignore[return-value]

    @property
    def real(self) -> float | None:
        """The real number that the element stands for, None where its tensor does not have exactly one scale."""
        output = self.operands[-1]
        return None if output.scale is None else output.scale * (self.value - (output.zero_point or 0))

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as for JSON; a step whose formula is empty is given, each other follows from the steps before it."""
        return asdict(self)

    def _repr_html_(self) -> str:
        steps = [(step.name, step.value, step.formula, step.meaning) for step in self.steps]
        place = ", ".join(map(str, self.element))
        caption = f"y[{place}] of operator {self.operator} ({self.name}) is {self.value} in {self.runtime}"
        others = [(name, value, "", "from the same inputs") for name, value in self.others.items()]
        return html_table(["step", "value", "formula", "meaning"], [*steps, *others], caption)


def explain(
    model: Model,
    operator: int,
    element: Sequence[int],
    inputs: dict[int, np.ndarray],
    runtime: str = "litert-reference",
    result: int = 0,
) -> ElementExplanation:
    """Explain an element of one of an operator's outputs, the model being run in `runtime` on arrays given by tensor index.

    result  which output, 0 the first; of further ones only those of operators that move data are explained
    Raises InputError for an operator, output or element that does not exist and UnsupportedOperator where there is nothing to
    explain.
    """
    return Explainer(model, inputs, runtime).explain(operator, element, result)


class Explainer:
    """Explains elements of a model that was run once, in `runtime` on arrays given by tensor index.

    Raises InputError and ModelError as Interpreter does.
    """

    def __init__(self, model: Model, inputs: dict[int, np.ndarray], runtime: str = "litert-reference"):
        self.model, self.runtime = model, runtime
        self._interpreters: dict[str, Interpreter] = {}
        self._results: dict[tuple[int, int], dict[str, np.ndarray | str]] = {}
        self._interpreter = Interpreter(model_content=model, runtime=runtime)
        start(self._interpreter, inputs)
        graph = model.subgraphs[0]
        self._variables = {t.index: self._interpreter.get_tensor(t.index) for t in graph.tensors if self._is_state(t.index)}
        self._interpreter.invoke()

    def explain(self, operator: int, element: Sequence[int], result: int = 0) -> ElementExplanation:
        """Why an element of an operator's output is what it is; see `explain`."""
        node, prepared, arrays = self._prepared(operator)
        if not 0 <= result < len(node.outputs):
            raise InputError(f"{node} has no output {result}; it has {len(node.outputs)}")
        place = _place(element, evaluate(node, prepared, arrays, result).shape, str(node.outputs[result]))
        explainer = prepared.explain
        if explainer is None or (result and "output" not in inspect.signature(explainer).parameters):
            raise UnsupportedOperator(
                f"{node}: there is no explanation of output {result} on {_types(node.inputs)} in {self.runtime}"
            )
        which = {"output": result} if result else {}
        steps = tuple(explainer(*node.arguments(arrays), prepared.plan, place, **which))
        others = self.elsewhere(operator, result)
        return ElementExplanation(
            operator,
            node.operator.name,
            self.runtime,
            place,
            tuple(_summary(role, o) for role, o in _roles(node.inputs, node.outputs[result])),
            steps,
            {name: found if isinstance(found, str) else found[place].item() for name, found in others.items()},
        )

    def output(self, operator: int, result: int = 0) -> np.ndarray:
        """What an operator gave, for the inputs that it had."""
        node, prepared, arrays = self._prepared(operator)
        return evaluate(node, prepared, arrays, result)

    def elsewhere(self, operator: int, result: int = 0) -> dict[str, np.ndarray | str]:
        """What each other runtime makes of the same inputs; a text where it has no such operator."""
        if (operator, result) not in self._results:
            arrays = self._inputs(operator)
            others = (name for name in RUNTIMES if name != self.runtime)
            found = {name: self._elsewhere(name, operator, arrays, result) for name in others}
            self._results = {(operator, result): found}  # of one operator alone: they can be large
        return self._results[operator, result]

    def _elsewhere(self, runtime: str, operator: int, arrays: Sequence[np.ndarray | None], result: int) -> np.ndarray | str:
        try:
            if runtime not in self._interpreters:
                self._interpreters[runtime] = Interpreter(model_content=self.model, runtime=runtime)
            node, prepared = self._interpreters[runtime].prepare_operator(operator, arrays)
            return evaluate(node, prepared, arrays, result)
        except QrefError as error:
            return str(error)

    def _prepared(self, operator: int) -> tuple[Node, Prepared, list[np.ndarray | None]]:
        arrays = self._inputs(operator)
        return *self._interpreter.prepare_operator(operator, arrays), arrays

    def _inputs(self, operator: int) -> list[np.ndarray | None]:
        """What the operator's inputs held when it was evaluated: variables as they were before."""
        positions = self._interpreter.operator(operator).inputs
        return [
            None if i < 0 else self._variables[i] if i in self._variables else self._interpreter.get_tensor(i) for i in positions
        ]

    def _is_state(self, tensor: int) -> bool:
        graph = self.model.subgraphs[0]
        return graph.tensors[tensor].is_variable and any(tensor in operator.inputs for operator in graph.operators)


def evaluate(node: Node, prepared: Prepared, arrays: Sequence[np.ndarray | None], result: int) -> np.ndarray:
    """One of the outputs of an operator, by its compiled form."""
    constants = [None if operand is None else operand.constant for operand in node.inputs]
    results = bind(prepared, constants, "numba")(*node.arguments(arrays))
    return results[result] if isinstance(results, list | tuple) else results


def _place(element: Sequence[int], shape: tuple[int, ...], tensor: str) -> tuple[int, ...]:
    inside = len(element) == len(shape) and all(-n <= i < n for i, n in zip(element, shape))
    if not inside:
        raise InputError(f"element {list(element)} is outside of {tensor}, whose shape is {list(shape)}")
    return tuple(i % n for i, n in zip(element, shape))


def _roles(inputs: Sequence[Operand | None], output: Operand) -> list[tuple[str, Operand]]:
    return [*((f"input {i}", o) for i, o in enumerate(inputs) if o is not None), ("output", output)]


def _summary(role: str, operand: Operand) -> OperandSummary:
    quantization = operand.quantization
    single = quantization is not None and quantization.scale.size == 1
    return OperandSummary(
        role,
        operand.tensor.index,
        operand.tensor.name,
        operand.type.name,
        operand.known_shape or (),
        float(operand.scale) if single else None,
        operand.zero_point if single else None,
        0 if quantization is None else quantization.scale.size,
    )


def _types(operands: Sequence[Operand | None]) -> str:
    return ", ".join("nothing" if o is None else o.type.name for o in operands)
