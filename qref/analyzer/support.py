"""Which runtimes take a model: each operator is prepared by itself, for the shapes and types that the file declares."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from qref.errors import ModelError
from qref.execution import Execution, find_kernel
from qref.ops import Node, NotYetKnown
from qref.ops.session import Session
from qref.runtimes import RUNTIMES, Runtime
from qref.schema import Model, check


@dataclass(frozen=True, slots=True)
class Refusal:
    """An operator that a runtime does not take, and why; subgraph and operator are None where it is the model as a whole."""

    subgraph: int | None
    operator: int | None
    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Support:
    """What one runtime, as qref computes it, says to a model; `refusals` is empty where it takes every operator."""

    runtime: str
    version: str
    refusals: tuple[Refusal, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as for JSON."""
        return asdict(self) | {"takes_all": not self.refusals}


def support_of(model: Model) -> tuple[Support, ...]:
    """What each runtime says to the model."""
    return tuple(Support(runtime.name, runtime.version, tuple(_refusals(model, runtime))) for runtime in RUNTIMES.values())


def _refusals(model: Model, runtime: Runtime) -> Iterator[Refusal]:
    try:
        check(model, litert=not runtime.declared_outputs)
    except ModelError as error:
        yield Refusal(None, None, "", str(error))
        return
    session = Session(runtime, subgraphs=model.subgraphs)
    for subgraph in model.subgraphs:
        try:
            execution = Execution(model, subgraph, session, kernels="numpy")
        except ModelError as error:
            yield Refusal(subgraph.index, None, "", str(error))
            continue
        for step in execution.steps:
            reason = _refusal(step.node)
            if reason is not None:
                yield Refusal(subgraph.index, step.node.operator.index, step.node.operator.name, reason)


def _refusal(node: Node) -> str | None:
    """Why an operator is not taken; an output whose shape only running tells has the declared one for those that read it."""
    reason = None
    try:
        find_kernel(node)
    except NotYetKnown:
        pass
    except (ModelError, ValueError) as error:  # ValueError: a constant outside the domain of an arithmetic rule
        reason = str(error)
    for operand in node.outputs:
        if operand.known_shape is None:
            operand.known_shape = operand.tensor.shape
    return reason
