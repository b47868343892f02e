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
    interpreter = Interpreter(model_content=model, runtime=runtime)
    start(interpreter, inputs)
    positions = interpreter.operator(operator).inputs
    variables = {i: interpreter.get_tensor(i) for i in positions if i >= 0 and _is_variable(model, i)}
    interpreter.invoke()
    arrays = [None if i < 0 else variables[i] if i in variables else interpreter.get_tensor(i) for i in positions]
    node, prepared = interpreter.prepare_operator(operator, arrays)
    if not 0 <= result < len(node.outputs):
        raise InputError(f"{node} has no output {result}; it has {len(node.outputs)}")
    place = _place(element, evaluate(node, prepared, arrays, result).shape, str(node.outputs[result]))
    explainer = prepared.explain
    if explainer is None or (result and "output" not in inspect.signature(explainer).parameters):
        raise UnsupportedOperator(f"{node}: there is no explanation of output {result} on {_types(node.inputs)} in {runtime}")
    which = {"output": result} if result else {}
    steps = tuple(explainer(*node.arguments(arrays), prepared.plan, place, **which))
    return ElementExplanation(
        operator,
        node.operator.name,
        runtime,
        place,
        tuple(_summary(role, o) for role, o in _roles(node.inputs, node.outputs[result])),
        steps,
        {name: _elsewhere(model, name, operator, arrays, place, result) for name in RUNTIMES if name != runtime},
    )


def evaluate(node: Node, prepared: Prepared, arrays: Sequence[np.ndarray | None], result: int) -> np.ndarray:
    """One of the outputs of an operator, by its compiled form."""
    constants = [None if operand is None else operand.constant for operand in node.inputs]
    results = bind(prepared, constants, "numba")(*node.arguments(arrays))
    return results[result] if isinstance(results, list | tuple) else results


def _is_variable(model: Model, tensor: int) -> bool:
    return model.subgraphs[0].tensors[tensor].is_variable


def _place(element: Sequence[int], shape: tuple[int, ...], tensor: str) -> tuple[int, ...]:
    inside = len(element) == len(shape) and all(-n <= i < n for i, n in zip(element, shape))
    if not inside:
        raise InputError(f"element {list(element)} is outside of {tensor}, whose shape is {list(shape)}")
    return tuple(i % n for i, n in zip(element, shape))


def _elsewhere(
    model: Model, runtime: str, operator: int, arrays: Sequence[np.ndarray | None], element: tuple[int, ...], result: int
) -> int | float | str:
    try:
        node, prepared = Interpreter(model_content=model, runtime=runtime).prepare_operator(operator, arrays)
        return evaluate(node, prepared, arrays, result)[element].item()
    except QrefError as error:
        return str(error)


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
