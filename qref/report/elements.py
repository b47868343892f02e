"""The elements that a report explains: a page without a program behind it cannot explain any other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from qref.compare.explain import ElementExplanation, Explainer
from qref.compare.verify import count_mismatches, differing
from qref.debugger import DebugReport
from qref.errors import QrefError

MOST_STEPS = 100  # of an operator: after so many, no other element of it is explained
MOST_ELEMENTS = 3  # of an operator

Place = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Chosen:
    """An explained element, and why it was chosen."""

    why: str
    explained: ElementExplanation


@dataclass(frozen=True, slots=True)
class OperatorElements:
    """What is told of single elements of one operator, on one sample.

    chosen      explained elements
    differing   for each other runtime, how many elements of the first output differ where it is given the same inputs; a text
                where it has no such operator
    elements    how many the output has
    reason      why nothing is explained, else empty
    """

    chosen: tuple[Chosen, ...]
    differing: Mapping[str, int | str]
    elements: int
    reason: str = ""


def elements_of(explainer: Explainer, operator: int, debugged: DebugReport | None, explain: bool) -> OperatorElements:
    """The elements of an operator's first output that tell most: the worst, one that runtimes disagree on, the extremes."""
    try:
        output, others = explainer.output(operator), explainer.elsewhere(operator)
    except QrefError as error:
        return OperatorElements((), {}, 0, str(error))
    counts = {name: found if isinstance(found, str) else count_mismatches(output, found) for name, found in others.items()}
    try:
        chosen = tuple(_chosen(explainer, operator, _places(output, others, operator, debugged))) if explain else ()
    except QrefError as error:
        return OperatorElements((), counts, output.size, str(error))
    reason = "" if chosen or not explain else "its output holds no numbers to choose from"
    return OperatorElements(chosen, counts, output.size, reason)


def _chosen(explainer: Explainer, operator: int, places: Mapping[Place, str]) -> Iterator[Chosen]:
    steps = 0
    for place, why in list(places.items())[:MOST_ELEMENTS]:
        if steps > MOST_STEPS:
            return
        explained = explainer.explain(operator, place)
        steps += len(explained.steps)
        yield Chosen(why, explained)


def _places(
    output: np.ndarray, others: Mapping[str, np.ndarray | str], operator: int, debugged: DebugReport | None
) -> dict[Place, str]:
    """Places in an output and why they are of interest, the most telling first."""
    found: dict[Place, str] = {}
    layers = () if debugged is None else debugged.layers
    for layer in layers:
        if (layer.operator, layer.output) == (operator, 0) and layer.worst_element is not None and layer.own.max_abs_error > 0:
            found[layer.worst_element] = "its own error is the greatest of this sample"
    for name, other in others.items():
        if not isinstance(other, str) and count_mismatches(output, other) and output.shape == other.shape:
            found.setdefault(_place(output, int(differing(output, other).argmax())), f"{name} gives another number")
    if output.size and output.dtype.kind in "iuf":
        found.setdefault(_place(output, int(output.argmax())), "the greatest of this sample")
        found.setdefault(_place(output, int(output.argmin())), "the least of this sample")
    return found


def _place(output: np.ndarray, flat: int) -> Place:
    return tuple(map(int, np.unravel_index(flat, output.shape)))
