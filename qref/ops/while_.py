"""WHILE: a subgraph again and again on its own results, as long as another one says so.

Layout   x... -> y...; the body takes x and gives as many, the condition takes x and gives one bool
Types    x, y every type, those of the subgraphs
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qref.errors import SpecViolation
from qref.schema.enums import TensorType

from ._subgraph import Types, expect_input_types, find_subgraph, results_of
from .node import Node, Prepared
from .session import Subgraphs


@dataclass(frozen=True, slots=True)
class WhilePlan:
    """The two subgraphs, and the types that the outputs have."""

    condition_index: int
    body_index: int
    output_dtypes: Types
    invoke_subgraph: Subgraphs
    name: str


def prepare(node: Node) -> Prepared:
    """Check the subgraphs and derive the plan; only evaluation tells the shapes of the outputs."""
    inputs = [node.input(position) for position in range(len(node.inputs))]
    node.expect(
        len(node.outputs) == len(inputs), f"there are {len(inputs)} inputs and {len(node.outputs)} outputs; expected as many"
    )
    condition = find_subgraph(node, "cond_subgraph_index", len(inputs), 1)
    body = find_subgraph(node, "body_subgraph_index", len(inputs), len(inputs))
    node.expect(condition != body, f"subgraph {body} is both condition and body; expected two")
    expect_input_types(node, "cond_subgraph_index", condition, inputs)
    expect_input_types(node, "body_subgraph_index", body, inputs)
    verdict = node.session.subgraphs[condition].tensors[node.session.subgraphs[condition].outputs[0]]
    node.expect(
        verdict.type == TensorType.BOOL, f"the condition's output {verdict.name!r} has type {verdict.type.name}; expected BOOL"
    )
    dtypes = tuple(y.dtype for y in node.outputs)
    plan = WhilePlan(condition, body, dtypes, node.session.invoke_subgraph, str(node))
    return Prepared(while_, plan, pure=False)


def while_(*inputs_and_plan: np.ndarray | WhilePlan) -> tuple[np.ndarray, ...]:
    """Return the values for which the condition is false first; the last argument is the plan."""
    *values, plan = inputs_and_plan
    assert isinstance(plan, WhilePlan)
    while True:  # ended at the latest by the session's bound on calls
        (verdict,) = plan.invoke_subgraph(plan.condition_index, values)  # type: ignore[arg-type]
        if verdict.shape not in ((), (1,)):
            raise SpecViolation(f"{plan.name}: the condition gave the shape {list(verdict.shape)}; expected a single element")
        if not verdict.reshape(-1)[0]:
            return results_of(values, plan.output_dtypes, plan.name)  # type: ignore[arg-type]
        values = list(plan.invoke_subgraph(plan.body_index, values))  # type: ignore[arg-type]
