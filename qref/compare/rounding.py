"""The last rounding of an explanation: the number before it, the integer after it, and what clamps that."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from fractions import Fraction
from typing import Any

from qref.arithmetic.explanation import VOCABULARY, Step, Value, evaluate
from qref.compare.explain import ElementExplanation

QUOTIENTS = ("ties_up", "ties_away", "toward_zero")  # of a number and what it is divided by
NEAREST = ("round_half_away", "round_half_even", "trunc", "floor")
ROUNDS = re.compile(rf"\b({'|'.join((*QUOTIENTS, *NEAREST))})\(")
CLAMPED = re.compile(r"\bclamp\((\w+), (-?\w+), (-?\w+)\)")

EXACT: dict[str, Callable[..., Any]] = {
    **VOCABULARY,
    **dict.fromkeys(QUOTIENTS, lambda x, divisor: Fraction(x) / divisor),
    **dict.fromkeys((*NEAREST, "cast_int32"), Fraction),
}


@dataclass(frozen=True, slots=True)
class Rounding:
    """The last rounding on the way to an output element; all numbers in LSB of the output, its zero point added.

    exact        what a single rounding would have got
    before       what the last rounding got: another number where one came before it
    rounded      the integer that it gave
    least, most  what the integer is clamped to; None where it is not
    value        the output element
    rule         the formula of the last rounding; meaning: the same in words
    others       what other runtimes give for the same inputs, where it is another integer
    """

    exact: float
    before: float
    rounded: int
    least: int | None
    most: int | None
    value: int
    rule: str
    meaning: str
    others: Mapping[str, int]

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as for JSON."""
        return asdict(self)


def rounding_of(explained: ElementExplanation) -> Rounding | None:
    """The last rounding of an explanation; None where nothing is rounded, or the element is no integer."""
    steps = explained.steps
    place = next((i for i in reversed(range(len(steps))) if _rounds(steps[i])), None)
    if place is None or not isinstance(explained.value, int):
        return None
    values = {step.name: step.value for step in steps}
    step = steps[place]
    earlier = {s.name: _unrounded(s, values) for s in steps[:place] if _rounds(s)}
    exact, before = (_number(_unrounded(step, known)) for known in (values | earlier, values))
    if exact is None or before is None:
        return None
    found, least, most = _clamped(steps[place:], values)
    offset = (explained.value if found is None else found) - int(step.value)  # type: ignore[arg-type]
    others = {name: y for name, y in explained.others.items() if isinstance(y, int) and y != explained.value}
    return Rounding(
        exact=float(exact + offset),
        before=float(before + offset),
        rounded=int(step.value) + offset,  # type: ignore[arg-type]
        least=least,
        most=most,
        value=explained.value,
        rule=step.formula,
        meaning=step.meaning,
        others=others,
    )


def _rounds(step: Step) -> bool:
    return isinstance(step.value, int) and ROUNDS.search(step.formula) is not None


def _unrounded(step: Step, values: Mapping[str, Value]) -> Value:
    """What the formula of a step gives if its rounding gives a fraction."""
    return evaluate(step.formula, dict(values), EXACT)


def _number(value: Any) -> Fraction | None:
    return Fraction(value) if isinstance(value, int | float | Fraction) and math.isfinite(value) else None


def _clamped(steps: tuple[Step, ...], values: Mapping[str, Value]) -> tuple[int | None, int | None, int | None]:
    """The integer that is clamped after the rounding, and its limits."""
    for step in reversed(steps):
        found = CLAMPED.search(step.formula)
        if found is not None and not _rounds(step):
            of, least, most = (values[part] if part in values else int(part) for part in found.groups())
            return int(of), int(least), int(most)  # type: ignore[arg-type]
    return None, None, None
