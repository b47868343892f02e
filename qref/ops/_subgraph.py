"""What CALL_ONCE, IF and WHILE share: a look at the subgraphs they run."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from qref.errors import SpecViolation

from .node import Node, Operand

Types = tuple[np.dtype, ...]


def find_subgraph(node: Node, option: str, inputs: int, outputs: int) -> int:
    """The index that an option gives; SpecViolation unless that subgraph has so many inputs and outputs."""
    index = node.options.get(option, -1)
    subgraphs = node.session.subgraphs
    node.expect(0 <= index < len(subgraphs), f"{option} is {index}; the model has {len(subgraphs)} subgraphs")
    subgraph = subgraphs[index]
    found = (len(subgraph.inputs), len(subgraph.outputs))
    node.expect(
        found == (inputs, outputs),
        f"{option} {index} has {found[0]} inputs and {found[1]} outputs; expected {inputs} and {outputs}",
    )
    return index


def expect_input_types(node: Node, option: str, index: int, inputs: Sequence[Operand]) -> None:
    """SpecViolation unless the subgraph takes the types of the inputs."""
    subgraph = node.session.subgraphs[index]
    for operand, tensor in zip(inputs, subgraph.inputs):
        expected = subgraph.tensors[tensor].type
        node.expect(operand.type == expected, f"{operand} has type {operand.type.name}; {option} {index} takes {expected.name}")


def results_of(values: Sequence[np.ndarray], dtypes: Types, name: str) -> tuple[np.ndarray, ...]:
    """Copies of what a subgraph gave; SpecViolation unless they have the types of the operator's outputs."""
    for value, dtype in zip(values, dtypes):
        if value.dtype != dtype:
            raise SpecViolation(f"{name}: a subgraph gave {value.dtype}; the output is {dtype}")
    return tuple(value.copy() for value in values)
