"""Inputs for an operator by itself: drawn ones, patterns, and inputs built so that a chosen accumulator comes out.

An accumulator is built tap by tap: beginning with drawn inputs, the taps with the greatest weights bring the sum close to what is
wanted, those with small weights the rest of the way.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from qref.errors import QrefError
from qref.inputs import draw

from .cases import Case, Subject
from .coverage import Hits, Reach, count_hits, find_reach, ties_of_channel
from .describe import ROLES, accumulation, has_accumulation
from .rules import accumulators_near, channel_rule

CHANNELS, ACCUMULATORS, STARTS = 8, 12, 3  # how many are tried for each target
RAMPS = 16
TIES = (
    "tie_beside_even_shows",
    "tie_negative_shows",
    "tie_positive",
    "tie_negative",
    "tie_beside_even",
    "tie_first_rounding",
)
RESULTS = ("equals_min", "equals_max", "saturates_low", "saturates_high")


@dataclass(slots=True)
class UnitCases:
    """The cases of an operator by itself as they are found: the first, and each that hits what none before it has hit."""

    subject: Subject
    reach: Reach | None  # of the accumulators
    cases: list[Case] = field(default_factory=list)
    hits: dict[str, Hits] = field(default_factory=dict)  # by the case's name
    tried: int = 0
    refused: int = 0  # of those, by the operator: a division by zero, say
    covered: set[str] = field(default_factory=set)

    def consider(self, inputs: Sequence[np.ndarray | None]) -> None:
        """Evaluate the operator on these inputs and keep the case if it brings something new."""
        self.tried += 1
        try:
            case = self.subject.evaluate(inputs)
        except QrefError:
            self.refused += 1
            return
        found = count_hits(self.subject, case, reach_of_case(self.subject, case, self.reach))
        news = {target for target, n in found.items() if n} | _values(self.subject, case)
        if not self.cases or not news <= self.covered:
            self.covered |= news
            self.hits[f"unit/{len(self.cases)}"] = found
            self.cases.append(case)


def build_unit_cases(subject: Subject, count: int, seed: int) -> UnitCases:
    """Cases for the operator by itself, of which `count` are drawn at first; none for one that does not stand alone."""
    rng = np.random.default_rng([seed, subject.index])
    accumulates = has_accumulation(subject)
    found = UnitCases(subject, find_reach(subject, accumulation(subject, {}), subject.layer[0]) if accumulates else None)
    for inputs in _drawn_and_patterns(subject, count, rng) if subject.stands_alone else ():
        found.consider(inputs)
    possible = {target for hits in found.hits.values() for target in hits}
    for target in ("acc_least", "acc_greatest", *RESULTS, *TIES) if found.reach is not None else ():
        if target not in possible:
            continue
        for inputs in _built(subject, found.reach, target, rng):  # type: ignore[arg-type]
            if target in found.covered:
                break
            found.consider(inputs)
    return found


def reach_of_case(subject: Subject, case: Case, reach: Reach | None) -> Reach | None:
    """Where weights are an input they differ from case to case, and the extremes with them."""
    if reach is None or ROLES[subject.node.operator.name]["w"] not in subject.free:
        return reach
    return find_reach(subject, accumulation(subject, {}), case)


def _values(subject: Subject, case: Case) -> set[str]:
    """Which values of 8-bit inputs a case has: operators on 8 bits are to see all of them."""
    if has_accumulation(subject):
        return set()
    arrays = {p: case.inputs[p] for p in subject.free}
    return {f"{p}={v}" for p, a in arrays.items() if a is not None and _is_byte(a.dtype) for v in np.unique(a).tolist()}


def _is_byte(dtype: np.dtype) -> bool:
    return dtype.kind in "iu" and dtype.itemsize == 1


def _may_vary(array: np.ndarray | None) -> bool:
    """Integers of 32 bits and more are indices or sizes as a rule: they stay what they are in the model."""
    return array is not None and (array.dtype.kind in "fb" or (array.dtype.kind in "iu" and array.dtype.itemsize <= 2))


def _drawn_and_patterns(subject: Subject, count: int, rng: np.random.Generator) -> Iterator[tuple[np.ndarray | None, ...]]:
    base = subject.layer[0].inputs
    varying = [p for p in subject.free if _may_vary(base[p])]

    def with_values(make: Any) -> tuple[np.ndarray | None, ...]:
        return tuple(make(p, value) if p in varying else value for p, value in enumerate(base))

    for _ in range(count):
        yield with_values(lambda p, v: draw(rng, v.shape, v.dtype))
    if not varying:
        return
    yield with_values(lambda p, v: _limit(v, "max"))
    yield with_values(lambda p, v: _limit(v, "min"))
    yield with_values(lambda p, v: np.full_like(v, _zero_point(subject, p)))
    yield with_values(lambda p, v: _limit(v, "max" if p == varying[0] else "min"))
    if any(_is_byte(base[p].dtype) for p in varying):  # type: ignore[union-attr]
        smallest = max(1, min(base[p].size for p in varying))  # type: ignore[union-attr]
        for ramp in range(min(RAMPS, -(-256 // smallest))):
            yield with_values(lambda p, v, start=ramp * smallest: _ramp(v, start))


def _limit(array: np.ndarray, end: str) -> np.ndarray:
    """The least or greatest value of an integer type; of floats, drawn around zero as a rule, plus or minus 1000."""
    if array.dtype.kind in "iu":
        return np.full_like(array, getattr(np.iinfo(array.dtype), end))
    return np.full_like(array, array.dtype.type({"min": -1000, "max": 1000}[end]))


def _zero_point(subject: Subject, position: int) -> int:
    operand = subject.node.inputs[position]
    return int(operand.zero_points[0]) if operand is not None and operand.quantization is not None else 0


def _ramp(array: np.ndarray, start: int) -> np.ndarray:
    """All values of a byte, one after the other."""
    return (start + np.arange(array.size)).astype(np.uint8).astype(array.dtype).reshape(array.shape)


def _built(subject: Subject, reach: Reach, target: str, rng: np.random.Generator) -> Iterator[tuple[np.ndarray | None, ...]]:
    """Inputs for which an accumulator at the place of `reach` hits the target; as many as are tried."""
    position = ROLES[subject.node.operator.name]["x"]
    base = subject.layer[0].inputs
    x, channels = base[position], len(reach.least)
    assert x is not None
    chosen = rng.permutation(channels)
    if target in ("acc_least", "acc_greatest"):
        chosen = np.array([np.argmin(reach.least) if target == "acc_least" else np.argmax(reach.greatest)])
    possible = ((channel, wanted) for channel in chosen.tolist() if (wanted := _wanted(subject, reach, target, channel, rng)))
    for channel, wanted in itertools.islice(possible, CHANNELS):
        for acc in wanted:
            for _ in range(STARTS):
                built = _solve(subject, reach, channel, acc, draw(rng, x.shape, x.dtype), rng)
                if built is not None:
                    yield (*base[:position], built, *base[position + 1 :])
                    break


def _wanted(subject: Subject, reach: Reach, target: str, channel: int, rng: np.random.Generator) -> list[int]:
    """Accumulators of a channel, within its reach, that hit the target."""
    plan = subject.prepared.plan
    least, greatest = int(reach.least[channel]), int(reach.greatest[channel])
    if target in ("acc_least", "acc_greatest"):
        return [least if target == "acc_least" else greatest]
    if target in TIES:
        found = ties_of_channel(subject, target, channel, (least, greatest))[0]
        return rng.permutation(found)[:ACCUMULATORS].tolist()
    low, high = plan.output_activation_min - plan.output_offset, plan.output_activation_max - plan.output_offset
    results = {"equals_min": low, "equals_max": high, "saturates_low": low - 1, "saturates_high": high + 1}
    rule = channel_rule(plan.requantize, channel)
    found = accumulators_near(rule, np.array([float(results[target])]))
    found = found[(found >= least) & (found <= greatest)]
    raw = rule(found) + plan.output_offset
    fits = {
        "equals_min": raw == plan.output_activation_min,
        "equals_max": raw == plan.output_activation_max,
        "saturates_low": raw < plan.output_activation_min,
        "saturates_high": raw > plan.output_activation_max,
    }
    return rng.permutation(found[fits[target]])[:ACCUMULATORS].tolist()


def _solve(subject: Subject, reach: Reach, channel: int, acc: int, x: np.ndarray, rng: np.random.Generator) -> np.ndarray | None:
    """Change the taps of one channel in x so that its accumulator is `acc`; None if this start does not lead there."""
    weights, positions = reach.weights[channel], reach.x_taps[channel]
    limits, offset = np.iinfo(x.dtype), subject.prepared.plan.input_offset
    low, high = limits.min + offset, limits.max + offset
    least = int(np.minimum(weights * low, weights * high).sum())
    missing = acc - int(reach.least[channel]) + least  # what the taps are to add up to
    values = x.ravel()[positions].astype(np.int64) + offset
    missing -= int((values * weights).sum())
    order = np.argsort(-np.abs(weights) + rng.random(len(weights)))
    for tap in order.tolist():
        weight = int(weights[tap])
        if weight:
            step = min(max(values[tap] + _nearest(missing, weight), low), high) - values[tap]
            values[tap] += step
            missing -= int(step) * weight
    if missing:
        return None
    built = x.copy()
    built.ravel()[positions] = (values - offset).astype(x.dtype)
    return built


def _nearest(a: int, b: int) -> int:
    """The quotient a / b cut towards zero, so that the rest never changes its sign."""
    return int(abs(a) // abs(b)) * (1 if (a < 0) == (b < 0) else -1)
