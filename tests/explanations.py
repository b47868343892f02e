"""Explanations held against references: the last step is the output, and every step follows from those printed before it."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
from recompute import recompute, same

from qref.arithmetic.explanation import Explanation
from qref.arithmetic.requantize import Requantize
from qref.execution import Execution
from qref.inputs import draw
from qref.interpreter import Interpreter
from qref.ops.node import Node, Operand, Prepared
from qref.ops.session import Session
from qref.runtimes import runtime as find_runtime
from qref.runtimes.litert_reference import LITERT_REFERENCE
from qref.schema import Model


def check_explanation(prepared: Prepared, inputs, y: np.ndarray, element: tuple[int, ...]):
    """The explanation of y[element] ends there, and its derived steps can be computed again from what JSON prints."""
    assert prepared.explain is not None
    explanation = prepared.explain(*inputs, prepared.plan, element)
    last, want = explanation[-1].value, y[element].item()
    assert same(last, want), (element, explanation, want)
    printed = json.loads(json.dumps([dataclasses.asdict(step) for step in explanation]))
    assert recompute(printed) > 0
    return explanation


def some_elements(y: np.ndarray, count: int = 6, seed: int = 0) -> list[tuple[int, ...]]:
    """The first, the last and some other indices of an array."""
    numbers = {0, y.size - 1, *np.random.default_rng(seed).integers(0, y.size, count).tolist()}
    return [tuple(int(i) for i in np.unravel_index(n, y.shape)) for n in sorted(numbers)]


def check_explanations(model: Model, prepare, *inputs: np.ndarray) -> None:
    """check_explanation for every output element of the model's only operator, as `prepare` of some kernel set prepares it."""
    graph = model.subgraphs[0]
    tensors = [Operand(t, t.type, t.shape, model.data(t)) for t in graph.tensors]
    operator = graph.operators[0]
    operands = tuple(tensors[i] if i >= 0 else None for i in operator.inputs)
    node = Node(operator, operands, tuple(tensors[i] for i in operator.outputs), Session(LITERT_REFERENCE))
    prepared = prepare(node)
    y = prepared.reference(*inputs, prepared.plan)
    for element in np.ndindex(y.shape):
        check_explanation(prepared, inputs, y, element)


def check_some_explanations(model: Model, runtime: str, *given: np.ndarray, seed: int = 0, count: int = 4) -> list[Explanation]:
    """check_explanation for some elements of the model's first operator in a runtime; inputs not given are drawn."""
    execution = Execution(model, model.subgraphs[0], Session(find_runtime(runtime)), "numpy")
    execution.allocate()
    node, prepared = execution.steps[0].node, execution.steps[0].prepared
    assert prepared is not None
    rng, arrays = np.random.default_rng(seed), iter(given)
    inputs: list[np.ndarray | None] = []
    for operand in node.inputs:
        array = None if operand is None else operand.constant
        if operand is not None and array is None:
            array = next(arrays, None)
            array = draw(rng, operand.shape, operand.dtype) if array is None else array
        inputs.append(array)
    y = prepared.reference(*inputs, prepared.plan)
    y = y[0] if isinstance(y, tuple) else y
    return [check_explanation(prepared, inputs, y, element) for element in some_elements(y, count, seed)]


def explained(rule: Requantize, acc: int, element: tuple[int, ...] = (0,), shape: tuple[int, ...] = (1,)) -> Explanation:
    """The explanation of one accumulator's rounding, computed again."""
    explanation = Explanation()
    rule.explain(explanation, explanation.given("acc", acc), element, shape)
    recompute([dataclasses.asdict(step) for step in explanation])
    return explanation


RUNTIMES = ("litert-reference", "litert-optimized", "xnnpack")


def check_in_every_runtime(model: Model, *inputs: np.ndarray, count: int = 6) -> None:
    """check_explanation in each runtime for some elements of the first output of the model's only operator."""
    graph, free = model.subgraphs[0], iter(inputs)
    values = [
        None if i < 0 else next(free) if i in graph.inputs else model.data(graph.tensors[i]) for i in graph.operators[0].inputs
    ]
    for runtime in RUNTIMES:
        _, prepared = Interpreter(model_content=model, runtime=runtime).prepare_operator(0, values)
        y = prepared.reference(*values, prepared.plan)
        y = y[0] if isinstance(y, tuple) else y
        for element in some_elements(y, count):
            check_explanation(prepared, values, y, element)
