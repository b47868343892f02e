"""A subgraph that can be changed: values and operators that refer to each other, instead of numbers into lists.

`read` makes graphs of a Model's subgraphs, `assemble` a Model of them. What nothing refers to any more is left out of the file.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from qref.schema import (
    Buffer,
    Metadata,
    Model,
    Operator,
    OperatorCode,
    Quantization,
    Signature,
    Subgraph,
    Tensor,
    TensorType,
    pack,
)
from qref.schema.enums import CUSTOM


@dataclass(eq=False, slots=True)
class Value:
    """A tensor of the graph; `data` is its constant, None where something computes it."""

    name: str
    type: TensorType
    shape: tuple[int, ...]
    data: np.ndarray | None = None
    quantization: Quantization | None = None
    is_variable: bool = False
    shape_signature: tuple[int, ...] | None = None
    index: int | None = None  # of the tensor in the model that was read

    def __str__(self) -> str:
        return f"tensor {self.index} ({self.name})" if self.index is not None else f"tensor {self.name}"


@dataclass(eq=False, slots=True)
class Node:
    """An operator of the graph; `source` holds what it had in the model: options, custom code and the like."""

    source: Operator
    inputs: list[Value | None]
    outputs: list[Value]
    intermediates: list[Value] = field(default_factory=list)
    version: int = 1

    @property
    def name(self) -> str:
        """The operator's name, as in the schema."""
        return self.source.name

    def __str__(self) -> str:
        return f"operator {self.source.index} ({self.name})"

    def values(self) -> Iterator[Value]:
        """All that it refers to, in the file's order."""
        yield from (value for value in self.inputs if value is not None)
        yield from self.intermediates
        yield from self.outputs


@dataclass(eq=False, slots=True)
class Graph:
    """A subgraph: its operators in their order, its inputs and outputs."""

    name: str
    inputs: list[Value]
    outputs: list[Value]
    nodes: list[Node]

    def producer(self) -> dict[Value, Node]:
        """The operator that computes each value."""
        return {value: node for node in self.nodes for value in node.outputs}

    def consumers(self) -> dict[Value, list[Node]]:
        """The operators that read each value, in their order, once for each reading."""
        found: dict[Value, list[Node]] = {}
        for node in self.nodes:
            for value in node.inputs:
                if value is not None:
                    found.setdefault(value, []).append(node)
        return found

    def values(self) -> list[Value]:
        """Everything in use: inputs first, then in the order of the operators."""
        values = [*self.inputs, *(value for node in self.nodes for value in node.values()), *self.outputs]
        return list(dict.fromkeys(values))


def read(model: Model) -> list[Graph]:
    """A Graph for each subgraph of a model. Sparse constants are dense in it, so their DENSIFY is left out."""
    graphs = []
    for subgraph in model.subgraphs:
        values = [
            Value(t.name, t.type, t.shape, model.data(t), _scales(t), t.is_variable, t.shape_signature, t.index)
            for t in subgraph.tensors
        ]
        nodes = [
            Node(
                operator,
                [values[i] if i >= 0 else None for i in operator.inputs],
                [values[i] for i in operator.outputs],
                [values[i] for i in operator.intermediates],
                operator.version,
            )
            for operator in subgraph.operators
            if operator.name != "DENSIFY"
        ]
        for operator in subgraph.operators:
            if operator.name == "DENSIFY":
                values[operator.outputs[0]].data = values[operator.inputs[0]].data
        inputs, outputs = ([values[i] for i in indices] for indices in (subgraph.inputs, subgraph.outputs))
        graphs.append(Graph(subgraph.name, inputs, outputs, nodes))
    return graphs


def _scales(tensor: Tensor) -> Quantization | None:
    """A tensor's quantization, unless it is only a range that calibration recorded."""
    found = tensor.quantization
    return None if found is None or (not len(found.scale) and found.details is None) else found


def assemble(model: Model, graphs: Sequence[Graph]) -> Model:
    """The Model of these graphs, with the description, signatures and metadata of the one that they were read from.

    A signature's tensor is found by its place among the inputs or outputs of its subgraph. Equal constants share a buffer.
    """
    codes: dict[Any, int] = {}
    buffers: dict[bytes, int] = {b"": 0}
    subgraphs = tuple(_subgraph(index, graph, codes, buffers) for index, graph in enumerate(graphs))
    signatures = []
    for signature in model.signatures:
        old, new = (m[signature.subgraph_index] for m in (model.subgraphs, subgraphs))
        inputs = {name: new.inputs[old.inputs.index(i)] for name, i in signature.inputs.items()}
        outputs = {name: new.outputs[old.outputs.index(i)] for name, i in signature.outputs.items()}
        signatures.append(Signature(signature.key, signature.subgraph_index, inputs, outputs))
    metadata = tuple(Metadata(m.name, _place(bytes(model.buffers[m.buffer].data), buffers)) for m in model.metadata)
    return Model(
        version=model.version,
        description=model.description,
        operator_codes=tuple(OperatorCode(*code) for code in codes),
        subgraphs=subgraphs,
        buffers=tuple(Buffer(data) for data in buffers),
        signatures=tuple(signatures),
        metadata=metadata,
    )


def _subgraph(index: int, graph: Graph, codes: dict[Any, int], buffers: dict[bytes, int]) -> Subgraph:
    values = graph.values()
    numbers: dict[Value | None, int] = {value: i for i, value in enumerate(values)} | {None: -1}
    operators = []
    for i, node in enumerate(graph.nodes):
        code = node.source.builtin_code, node.version, node.name if node.source.builtin_code == CUSTOM else None
        operators.append(
            dataclasses.replace(
                node.source,
                index=i,
                version=node.version,
                inputs=tuple(numbers[value] for value in node.inputs),
                outputs=tuple(numbers[value] for value in node.outputs),
                intermediates=tuple(numbers[value] for value in node.intermediates),
                opcode_index=codes.setdefault(code, len(codes)),
            )
        )
    tensors = tuple(
        Tensor(
            index=i,
            name=v.name,
            type=v.type,
            shape=v.shape,
            buffer=0 if v.data is None else _place(pack(v.data, v.type), buffers),
            quantization=v.quantization,
            is_variable=v.is_variable,
            shape_signature=v.shape_signature,
        )
        for i, v in enumerate(values)
    )
    inputs, outputs = (tuple(numbers[value] for value in values) for values in (graph.inputs, graph.outputs))
    return Subgraph(index, graph.name, tensors, inputs, outputs, tuple(operators))


def _place(data: bytes, buffers: dict[bytes, int]) -> int:
    return buffers.setdefault(data, len(buffers))
