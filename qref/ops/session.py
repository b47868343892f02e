"""What the operators of one model share while it runs: the runtime, the limits, other subgraphs, variables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn, Protocol

import numpy as np

from qref.arithmetic.requantize import Requantize
from qref.errors import SpecViolation
from qref.schema.limits import Limits
from qref.schema.model import Subgraph


class Rules(Protocol):
    """A runtime: which rule it applies to which operator."""

    @property
    def name(self) -> str:
        """The runtime's name, as in "litert-reference"."""
        ...

    @property
    def kernel_sets(self) -> tuple[str, ...]:
        """Where its operators are looked up, first to last: folders of qref.ops, and "reference"."""
        ...

    def requantize(self, operator: str, acc_bits: int) -> type[Requantize]:
        """The rounding rule for an operator's accumulators of 32 or 64 bits."""
        ...

    def expect_registered(self, node: Any) -> None:
        """Raise UnsupportedOperator unless the runtime has the node's operator for the types of its operands."""
        ...

    def expect_declared(self, node: Any) -> None:
        """Raise SpecViolation where a prepared output is not what the file declares, in runtimes that infer nothing."""
        ...


class Subgraphs(Protocol):
    """How an operator runs another subgraph of its model (CALL_ONCE, IF, WHILE)."""

    def __call__(self, subgraph_index: int, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
        """The outputs of that subgraph for these inputs."""
        ...


def _no_subgraphs(subgraph_index: int, inputs: Sequence[np.ndarray]) -> NoReturn:
    raise SpecViolation(f"there is no interpreter to run subgraph {subgraph_index}")


@dataclass(slots=True)
class Session:
    """One interpreter's run of one model.

    subgraphs         those of the model; invoke_subgraph runs one of them
    resources         what the resource variables hold, by number; resource_ids numbers them, by (container, shared name)
    called_once       the subgraphs that CALL_ONCE has run
    """

    rules: Rules
    limits: Limits = field(default_factory=Limits)
    subgraphs: tuple[Subgraph, ...] = ()
    invoke_subgraph: Subgraphs = _no_subgraphs
    resources: dict[int, np.ndarray] = field(default_factory=dict)
    resource_ids: dict[tuple[str, str], int] = field(default_factory=dict)
    called_once: set[int] = field(default_factory=set)
