"""Explanations held against references."""

from __future__ import annotations

import numpy as np

from qref.ops.node import Node, Operand
from qref.ops.session import Session
from qref.runtimes.litert_reference import LITERT_REFERENCE
from qref.schema import Model


def check_explanations(model: Model, prepare, *inputs: np.ndarray) -> None:
    """Every output element of the model's only operator is the last step of its explanation."""
    graph = model.subgraphs[0]
    tensors = [Operand(t, t.type, t.shape, model.data(t)) for t in graph.tensors]
    operator = graph.operators[0]
    operands = tuple(tensors[i] if i >= 0 else None for i in operator.inputs)
    node = Node(operator, operands, tuple(tensors[i] for i in operator.outputs), Session(LITERT_REFERENCE))
    prepared = prepare(node)
    assert prepared.explain is not None
    y = prepared.reference(*inputs, prepared.plan)
    for element in np.ndindex(y.shape):
        steps = prepared.explain(*inputs, prepared.plan, element)
        assert steps[-1].value == y[element], (element, steps, y[element])
