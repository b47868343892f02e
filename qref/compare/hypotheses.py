"""Which deviation explains a difference: an operator computed in many ways, each compared with what was found."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from qref.compare.case import Case, Hypotheses
from qref.compare.faults_matmul import accumulators, layouts, padding
from qref.compare.faults_parameters import clamps, options, real_numbers, scales, zero_points
from qref.compare.faults_rounding import roundings
from qref.errors import QrefError
from qref.ops import NotYetKnown
from qref.runtimes import RUNTIMES

Outputs = list[np.ndarray]

FAULTS = (zero_points, padding, clamps, accumulators, scales, layouts, options)

# what operators raise on parameters that make no sense to them: the hypothesis then does not apply
INAPPLICABLE = (QrefError, NotYetKnown, ArithmeticError, AttributeError, IndexError, TypeError, ValueError)


@dataclass(frozen=True, slots=True)
class Trial:
    """A hypothesis and what would become of the differing elements if it held.

    name     what deviates, as in "the bias missing"
    vanish   mismatches that it explains
    appear   elements that are equal and would differ
    remain   mismatches with it
    also     further operators, of those that differ by themselves and were tried, in which no mismatch remains with it
    """

    name: str
    vanish: int
    appear: int
    remain: int
    also: int = 0


@dataclass(frozen=True, slots=True)
class Evidence:
    """An operator that differs by itself.

    cases     it in each round, prepared for the inputs of the side whose outputs are to be explained
    expected  the outputs that it should have, for each round; found: those that it has
    """

    cases: Sequence[Case]
    expected: Sequence[Outputs]
    found: Sequence[Outputs]

    @property
    def runtime(self) -> str:
        """Whose arithmetic the hypotheses deviate from."""
        return self.cases[0].node.session.rules.name


def other_runtimes(case: Case) -> Hypotheses:
    """The whole operator as each other runtime computes it, with that runtime's rule in words."""
    for runtime in RUNTIMES.values():
        if runtime.name != case.node.session.rules.name:
            yield _in_words(case, runtime), lambda r=runtime: tuple(case.under(r).outputs())


def _in_words(case: Case, runtime: Any) -> str:
    types = [operand.type.name.lower() for operand in case.node.inputs if operand is not None][:2]
    rule = runtime.rule_of(case.node.operator.name, "x".join(types if len(set(types)) > 1 else types[:1]))
    whole = f"{case.node.operator.name} as in {runtime.name}"
    return whole if rule is None else f"{whole} ({rule[0].text})"


FAMILIES = (roundings, *FAULTS, real_numbers, other_runtimes)  # the simplest first


def _hypotheses(case: Case, families: Sequence[Callable[[Case], Hypotheses]]) -> Hypotheses:
    for family in families:
        with contextlib.suppress(*INAPPLICABLE):
            yield from family(case)


def explain_difference(evidence: Evidence, others: Sequence[Evidence] = ()) -> tuple[Trial, ...]:
    """The hypotheses that explain some of the mismatches, best first.

    Best is what leaves the fewest mismatches, then what explains the most of the other operators, then the simplest. Families of
    hypotheses are tried until one of them explains all; where none does, each fault is also tried on top of every other runtime's
    arithmetic.
    """
    trials: list[Trial] = []
    tried = 0
    while tried < len(FAMILIES) and not any(trial.remain == 0 for trial in trials):
        trials += _try(evidence, FAMILIES[tried : tried + 1])
        tried += 1
    if not any(trial.remain == 0 for trial in trials):
        for runtime in RUNTIMES.values():
            if runtime.name != evidence.runtime:
                with contextlib.suppress(*INAPPLICABLE):
                    cases = [case.under(runtime) for case in evidence.cases]
                    trials += _try(replace(evidence, cases=cases), FAULTS, f", the rest as in {runtime.name}")
    helping = sorted((t for t in trials if t.vanish > t.appear), key=lambda t: t.remain)  # keeps the order of equals
    best = [t for t in helping if t.remain == helping[0].remain]
    names = {t.name for t in best}
    results = [{t.name: t.remain for t in _try(other, FAMILIES[:tried], names=names)} for other in (others if best else ())]
    best = [replace(t, also=sum(remains.get(t.name) == 0 for remains in results)) for t in best]
    return _without_variants([*sorted(best, key=lambda t: -t.also), *helping[len(best) :]])


def _without_variants(trials: Sequence[Trial]) -> tuple[Trial, ...]:
    """The trials without those that name one more circumstance than a better or equal one."""
    return tuple(t for i, t in enumerate(trials) if not any(t.name.startswith(f"{better.name}, ") for better in trials[:i]))


def _try(
    evidence: Evidence,
    families: Sequence[Callable[[Case], Hypotheses]],
    suffix: str = "",
    names: Collection[str] | None = None,
) -> list[Trial]:
    """The trials of the hypotheses of these names, None meaning all, that apply in every round."""
    trials = []
    for named in zip(*(_hypotheses(case, families) for case in evidence.cases)):
        name = named[0][0] + suffix
        if names is not None and name not in names:
            continue
        computed = zip(evidence.cases, (compute for _, compute in named), evidence.expected, evidence.found)
        counts = [_count(*one) for one in computed]
        if all(count is not None for count in counts):
            trials.append(Trial(name, *map(sum, zip(*counts))))
    return trials


def _count(case: Case, compute: Callable[..., Any], expected: Outputs, found: Outputs) -> tuple[int, int, int] | None:
    """Mismatches that vanish, that appear and that remain; None where the hypothesis does not apply."""
    try:
        with np.errstate(all="ignore"):
            outputs = case.of_node(compute())
    except INAPPLICABLE:
        return None
    if [(o.shape, o.dtype) for o in outputs] != [(f.shape, f.dtype) for f in found]:
        return None
    counts = []
    for should, does, supposed in zip(expected, found, outputs):
        wrong, still = differing(should, does), differing(supposed, does)
        counts.append((int((wrong & ~still).sum()), int((still & ~wrong).sum()), int(still.sum())))
    vanish, appear, remain = map(sum, zip(*counts))
    return vanish, appear, remain


def differing(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Where two arrays of one shape differ in any bit, two NaN being equal."""
    if a.dtype != b.dtype:
        return np.ones(b.shape, bool)
    if a.dtype.kind not in "fc":
        return np.asarray(a != b)
    bits = np.dtype(f"V{a.dtype.itemsize}")
    different = np.ascontiguousarray(a).view(bits) != np.ascontiguousarray(b).view(bits)
    return np.asarray(different.reshape(a.shape) & ~(np.isnan(a) & np.isnan(b)))
