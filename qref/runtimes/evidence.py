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
    """What was compared for an operator on these types in a runtime; every bit of every output counts."""

    operator: str
    types: str
    runtime: str
    cases: int  # models
    elements: int
    mismatches: int

    def __str__(self) -> str:
        return f"{self.cases} models, {self.elements:,} elements, {self.mismatches} mismatches"


@cache
def evidence() -> dict[tuple[str, str, str], Evidence]:
    """Everything recorded, by operator, types and runtime, in this order."""
    recorded = [Evidence(**row) for row in json.loads(FILE.read_text())["rows"]]
    return {(e.operator, e.types, e.runtime): e for e in sorted(recorded, key=lambda e: (e.operator, e.types, e.runtime))}
