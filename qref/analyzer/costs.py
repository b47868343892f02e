"""What each operator does, from the shapes that the file declares: multiply-adds and bytes."""

from __future__ import annotations

from dataclasses import dataclass

from qref.analyzer.nodes import declared_nodes
from qref.errors import ModelError
from qref.ops import Node
from qref.schema import Model, Subgraph
from qref.work import bytes_of, macs_of


@dataclass(frozen=True, slots=True)
class Cost:
    """An operator's work.

    macs    multiply-adds of its matrix products; None where its operands contradict it
    bytes   of its inputs and outputs, each tensor once: what it must read and write at the least
    """

    macs: int | None
    bytes: int


def costs(model: Model, subgraph: Subgraph) -> list[Cost]:
    """The cost of each operator of a subgraph; of one in a subgraph that is called, each time that it is called."""
    return [Cost(_macs(node), bytes_of(node)) for node in declared_nodes(model, subgraph)]


def _macs(node: Node) -> int | None:
    try:
        return macs_of(node)
    except (ModelError, LookupError, ArithmeticError):  # too few inputs, or dimensions, or a size of 0 to divide by
        return None
