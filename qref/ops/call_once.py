"""CALL_ONCE: runs a subgraph the first time, which gives variables their initial values; not again, whatever is reset or resized.

Layout   -> ; the subgraph has neither inputs nor outputs
"""

from __future__ import annotations

from dataclasses import dataclass

from ._subgraph import find_subgraph
from .node import Node, Prepared
from .session import Subgraphs


@dataclass(frozen=True, slots=True)
class CallOncePlan:
    """The subgraph, and those that have been run."""

    subgraph_index: int
    called_once: set[int]
    invoke_subgraph: Subgraphs


def prepare(node: Node) -> Prepared:
    """Check the subgraph and derive the plan."""
    index = find_subgraph(node, "init_subgraph_index", 0, 0)
    return Prepared(call_once, CallOncePlan(index, node.session.called_once, node.session.invoke_subgraph), pure=False)


def call_once(plan: CallOncePlan) -> tuple[()]:
    """Run the subgraph, if that has not been done."""
    if plan.subgraph_index not in plan.called_once:
        plan.invoke_subgraph(plan.subgraph_index, [])
        plan.called_once.add(plan.subgraph_index)
    return ()
