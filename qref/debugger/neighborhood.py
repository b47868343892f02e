"""Neighborhoods: the operators that must leave integers together, if an activation is to be rid of them."""

from __future__ import annotations

from collections.abc import Iterator

from qref.quantizer.graph import Graph, Node, Value
from qref.quantizer.specification import SPECIFICATIONS
from qref.schema import TensorType


def neighborhoods(graph: Graph) -> Iterator[list[Node]]:
    """For each activation, in the graph's order, the operators that touch it, directly or through others that keep its scale."""
    touching: dict[Value, list[Node]] = {}
    for node in graph.nodes:
        for value in dict.fromkeys(node.values()):
            if value.data is None and value.type == TensorType.FLOAT32 and not value.is_variable:
                touching.setdefault(value, []).append(node)
    for value in touching:
        yield _around(value, touching)


def _around(value: Value, touching: dict[Value, list[Node]]) -> list[Node]:
    found: dict[Node, None] = {}
    reached, open_values = {value}, [value]
    while open_values:
        for node in touching[open_values.pop()]:
            found[node] = None
            if node.name in SPECIFICATIONS and SPECIFICATIONS[node.name].same_scale:
                beyond = [other for other in (*node.inputs, *node.outputs) if other in touching and other not in reached]
                reached.update(beyond)
                open_values.extend(beyond)
    return list(found)
