"""IF: one of two subgraphs, as a condition says.

Layout   condition, one element, x... -> y...; both subgraphs take x and give y
Types    condition bool; x, y every type, those of the subgraphs
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from qref.schema.enums import TensorType

from ._subgraph import Types, expect_input_types, find_subgraph, results_of
from .node import Node, Prepared
from .session import Subgraphs


@dataclass(frozen=True, slots=True)
class IfPlan:
    """The two subgraphs, and the types that the outputs have."""

    then_index: int
    else_index: int
    output_dtypes: Types
    invoke_subgraph: Subgraphs
    name: str


def prepare(node: Node) -> Prepared:
    """Check the subgraphs and derive the plan; only evaluation tells the shapes of the outputs."""
    condition = node.input(0)
    node.expect_type(condition, TensorType.BOOL)
    node.expect(math.prod(condition.shape) == 1, f"{condition} has shape {list(condition.shape)}; expected a single element")
    inputs = [node.input(position) for position in range(1, len(node.inputs))]
    branches = []
    for option in ("then_subgraph_index", "else_subgraph_index"):
        branches.append(find_subgraph(node, option, len(inputs), len(node.outputs)))
        expect_input_types(node, option, branches[-1], inputs)
    dtypes = tuple(y.dtype for y in node.outputs)
    return Prepared(if_, IfPlan(branches[0], branches[1], dtypes, node.session.invoke_subgraph, str(node)), pure=False)


def if_(condition: np.ndarray, *inputs_and_plan: np.ndarray | IfPlan) -> tuple[np.ndarray, ...]:
    """Return what the chosen subgraph gives for the inputs; the last argument is the plan."""
    *inputs, plan = inputs_and_plan
    index = plan.then_index if condition.reshape(-1)[0] else plan.else_index  # type: ignore[union-attr]
    return results_of(plan.invoke_subgraph(index, inputs), plan.output_dtypes, plan.name)  # type: ignore[union-attr, arg-type]
