"""STABLEHLO_COMPOSITE: an operator that the file itself defines, by a subgraph.

Layout   x... -> y..., as the subgraph has them
Types    every type, those of the subgraph
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ._subgraph import Types, expect_input_types, find_subgraph, results_of
from .node import Node, Prepared
from .session import Subgraphs

OWN_KERNELS = ("odml.causal_conv_with_state_1d", "odml.recurrent_linear_attention", "odml.selective_state_space")


@dataclass(frozen=True, slots=True)
class CompositePlan:
    """The subgraph, and the types that the outputs have."""

    subgraph_index: int
    output_dtypes: Types
    invoke_subgraph: Subgraphs
    name: str


def prepare(node: Node) -> Prepared:
    """Check the subgraph and derive the plan; only evaluation tells the shapes of the outputs."""
    name = node.options.get("name", "")
    if name in OWN_KERNELS:
        node.unsupported(f"{name} has a kernel of its own in LiteRT, which qref lacks")
    inputs = [node.input(position) for position in range(len(node.inputs))]
    index = find_subgraph(node, "decomposition_subgraph_index", len(inputs), len(node.outputs))
    expect_input_types(node, "decomposition_subgraph_index", index, inputs)
    dtypes = tuple(y.dtype for y in node.outputs)
    return Prepared(composite, CompositePlan(index, dtypes, node.session.invoke_subgraph, str(node)), pure=False)


def composite(*inputs_and_plan: np.ndarray | CompositePlan) -> tuple[np.ndarray, ...]:
    """Return what the subgraph gives for the inputs; the last argument is the plan."""
    *inputs, plan = inputs_and_plan
    assert isinstance(plan, CompositePlan)
    return results_of(plan.invoke_subgraph(plan.subgraph_index, inputs), plan.output_dtypes, plan.name)  # type: ignore[arg-type]
