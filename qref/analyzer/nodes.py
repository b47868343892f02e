"""Operators as nodes with the shapes that the file declares: what can be told of them without running the model."""

from __future__ import annotations

from qref.ops import Node, Operand
from qref.ops.session import Session
from qref.runtimes import RUNTIMES
from qref.schema import Model, Subgraph


def declared_nodes(model: Model, subgraph: Subgraph) -> list[Node]:
    """A node for each operator of a subgraph, its operands without their constants."""
    operands = [Operand(tensor, tensor.type, tensor.shape) for tensor in subgraph.tensors]
    session = Session(RUNTIMES["litert-reference"], subgraphs=model.subgraphs)
    return [
        Node(
            operator,
            inputs=tuple(operands[i] if i >= 0 else None for i in operator.inputs),
            outputs=tuple(operands[i] for i in operator.outputs),
            session=session,
        )
        for operator in subgraph.operators
    ]
