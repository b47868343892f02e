"""How the rules are known: drawn models of one operator compared with the runtime itself, counted by operator, types and runtime.

The counts are recorded by `make evidence`.
"""

from __future__ import annotations

import json
import pathlib
from dataclasses import dataclass
from functools import cache

FILE = pathlib.Path(__file__).with_name("evidence.json")


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was compared for an operator on these types in a runtime; every bit of every output counts.

    types    of the operands, as in "int8", "float32 x int8"
    refused  why the runtime itself does not run it; then nothing was counted
    """

    operator: str
    types: str
    runtime: str
    cases: int = 0  # models
    elements: int = 0
    mismatches: int = 0
    refused: str = ""

    def __str__(self) -> str:
        if self.refused:
            return f"refused: {self.refused}"
        return f"{self.cases} models, {self.elements:,} elements, {self.mismatches:,} mismatches"


@cache
def compared() -> frozenset[str]:
    """The names of the runtimes that could be compared."""
    return frozenset(runtime for _, _, runtime in evidence())


@cache
def evidence() -> dict[tuple[str, str, str], Evidence]:
    """Everything recorded, by operator, types and runtime, in this order."""
    recorded = [Evidence(**row) for row in json.loads(FILE.read_text())["rows"]]
    return {(e.operator, e.types, e.runtime): e for e in sorted(recorded, key=lambda e: (e.operator, e.types, e.runtime))}
