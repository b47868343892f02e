"""Suggest: the recipe that wins back what a quantized model loses for the fewest bytes, found by trying.

1. Each operator is tried alone in each alternative, and so are neighborhoods: all operators that touch one activation, directly
   or through others that keep its scale. An activation is rid of integers only where whatever touches it is.
2. From all operators as the scheme has them, what gains most of the metric per byte is added, step by step, until the share asked
   for is won back. Where nothing gains, less noise against the float model per byte decides.
3. Where that ends too early, as where a loss hides behind the next one, the start is all operators in one alternative.
4. Whatever is not needed goes back to the scheme, or else to an alternative of fewer bytes, the largest first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from qref.datasets import Source
from qref.debugger.neighborhood import neighborhoods
from qref.debugger.trial import Assignment, Place, Ruler, Trials, Worth
from qref.errors import InputError
from qref.evaluation.evaluation import ModelLike
from qref.frames import to_frame
from qref.quantizer import SCHEMES, Calibration, Recipe, calibrate
from qref.quantizer.graph import Node, read
from qref.schema import Model, load, write

ALTERNATIVES = ("float", "dynamic_range")
BREADTH = 6  # candidates that are measured again in a step
MOST_STEPS = 10

Forms = Mapping[Place, Mapping[str, str]]  # as Trials.forms gives them


@dataclass(frozen=True, slots=True)
class Try:
    """Some operators out of the scheme, all others as it has them.

    changed        the operators, each with its alternative
    value          of the metric
    snr            of the outputs against the float model's, in dB
    bytes          of the file, beyond that with all operators as the scheme has them
    won_back       share of the metric's loss
    gain_per_byte  the metric's loss won back for each of these bytes, of which at least 1 is counted
    """

    changed: tuple[tuple[Place, str], ...]
    value: float
    snr: float
    bytes: int
    won_back: float
    gain_per_byte: float


@dataclass(frozen=True, slots=True)
class Suggestion:
    """The recipe found, and what was tried on the way.

    metric      its name; float_value, quantized_value and value are those of the float model, the scheme alone, the recipe
    content     the bytes of the suggested model
    changed     the operators that the recipe takes out of the scheme, each with its alternative
    operators   how many the model has
    won_back    share of the metric's loss; 1 where there is none
    tried       how many models were measured
    tries       operators and neighborhoods by themselves, those that gain most per byte first
    """

    metric: str
    recipe: Recipe
    content: bytes = field(repr=False)
    changed: tuple[tuple[Place, str], ...]
    operators: int
    float_value: float
    quantized_value: float
    value: float
    float_bytes: int
    quantized_bytes: int
    bytes: int
    won_back: float
    tried: int
    tries: tuple[Try, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as for JSON, without the model; None for what is infinite or not defined."""
        found = asdict(self) | {"recipe": self.recipe.to_dict()}
        del found["content"]
        for part in (found, *found["tries"]):
            part.update({name: None for name, value in part.items() if isinstance(value, float) and not np.isfinite(value)})
        return found

    def to_pandas(self) -> Any:
        """The tries as a pandas.DataFrame, a line each."""
        return to_frame(
            {**asdict(t), "changed": [f"{place.output}: {scheme}" for place, scheme in t.changed]} for t in self.tries
        )


def suggest(
    float_model: ModelLike,
    representative_dataset: Source | None,
    inputs: Source,
    labels: Any = None,
    *,
    scheme: str = "full_integer",
    alternatives: Sequence[str] = ALTERNATIVES,
    metric: str | None = None,
    share: float = 0.9,
    calibration: Calibration | None = None,
    task: str | None = None,
    output: str | int | None = None,
    runtime: str = "litert-reference",
    most_tries: int = 400,
    progress: Callable[[int], None] | None = None,
) -> Suggestion:
    """Find a recipe for quantize_model that wins back what a scheme loses, for few bytes.

    representative_dataset   calibrates the model, once; not needed with a `calibration`
    inputs, labels, task, output, runtime   what the metric is measured on, as for qref.evaluate; without labels, what the float
                  model gives is right
    scheme        of all operators that the recipe does not take out
    alternatives  schemes to try for them
    metric        one that qref.evaluate gives; by default accuracy, for regression root_mean_squared_error; without labels
                  agreement, or snr for regression and where the output is one number
    share         of the loss to win back: with 1, the last samples cost the most bytes
    most_tries    how many models are measured at most
    progress      called with how many were
    Raises InputError for what does not fit, ModelError for a model that cannot be run.
    """
    for name in (scheme, *alternatives):
        if name not in SCHEMES:
            raise InputError(f"{name!r} is no scheme; it is one of {', '.join(SCHEMES)}")
    if not 0 < share <= 1 or most_tries < 1 or not alternatives:
        raise InputError("expected 0 < share <= 1, most_tries of at least 1 and at least one alternative")
    model = float_model if isinstance(float_model, Model) else load(float_model)
    ruler = Ruler(model, inputs, labels, metric, task, output=output, runtime=runtime)
    if calibration is None and representative_dataset is not None:
        calibration = calibrate(model, representative_dataset)
    search = _Search(Trials(model, calibration, scheme, ruler, most_tries, progress), alternatives, share)
    tries, chosen = search.run()
    trials, best = search.trials, search.trials.worth(chosen)
    return Suggestion(
        metric=ruler.metric,
        recipe=trials.recipe(chosen),
        changed=tuple(chosen.items()),
        operators=sum(len(subgraph.operators) for subgraph in model.subgraphs),
        float_value=ruler.float_value,
        quantized_value=trials.base.value,
        value=best.value,
        float_bytes=len(write(model)),
        quantized_bytes=trials.base.bytes,
        bytes=best.bytes,
        won_back=trials.won_back(best),
        tried=len(trials.measured),
        tries=tries,
        content=trials.content(chosen),
    )


Candidate = tuple[tuple[Place, str], ...]  # operators that leave the scheme together, each with its alternative


class _Search:
    def __init__(self, trials: Trials, alternatives: Sequence[str], share: float):
        self.trials, self.alternatives = trials, alternatives
        self.most_loss = (1 - share) * trials.base.loss
        self.graphs = read(trials.model)

    def run(self) -> tuple[tuple[Try, ...], dict[Place, str]]:
        """What was tried by itself, and the operators that are to leave the scheme, in the graph's order."""
        if self.trials.base.loss <= 0:
            return (), {}
        places = list(dict.fromkeys(_place(node) for graph in self.graphs for node in graph.nodes if node.outputs))
        forms = {place: self.trials.forms(place, self.alternatives) for place in places}
        groups = [{place} for place in places]
        groups += [{_place(node) for node in group} for graph in self.graphs for group in neighborhoods(graph)]
        alone = dict(self.each_alone(self.candidates(places, groups, forms)))
        tries = sorted((self.as_try(c, worth) for c, worth in alone.items()), key=lambda t: -t.gain_per_byte)
        start = self.grow(alone)
        if not self.is_enough(start) and not self.trials.exhausted:
            start = min([start, *map(dict, self.candidates(places, [set(places)], forms))], key=self.rank)
        chosen = self.shrink(start, alone, forms)
        return tuple(tries), {place: chosen[place] for place in places if place in chosen}

    def candidates(self, places: Sequence[Place], groups: Sequence[set[Place]], forms: Forms) -> list[Candidate]:
        """Each group of places in each alternative, without operators that this does not change, each candidate once."""
        found = (
            tuple((place, forms[place][alternative]) for place in places if place in group and forms[place])
            for group in groups
            for alternative in self.alternatives
        )
        return [candidate for candidate in dict.fromkeys(found) if candidate]

    def each_alone(self, candidates: Sequence[Candidate]) -> Iterator[tuple[Candidate, Worth]]:
        """What each is worth, all other operators being as the scheme has them."""
        for candidate in candidates:
            if not self.trials.exhausted:
                yield candidate, self.trials.worth(dict(candidate))

    def grow(self, alone: Mapping[Candidate, Worth]) -> dict[Place, str]:
        """Candidates taken one after the other while they gain; the most promising are measured again in each step."""
        chosen: dict[Place, str] = {}
        gains = {candidate: _gain(self.trials.base, worth) for candidate, worth in alone.items()}
        for _ in range(MOST_STEPS):
            if not gains or self.is_enough(chosen):
                break
            best = max(gains, key=lambda candidate: gains[candidate])
            if chosen:
                now, likely = self.trials.worth(chosen), sorted(gains, key=lambda c: gains[c], reverse=True)[:BREADTH]
                fresh = {c: _gain(now, self.trials.worth(chosen | dict(c))) for c in likely if not self.trials.exhausted}
                if not fresh:
                    break
                gains |= fresh
                best = max(fresh, key=lambda candidate: fresh[candidate])
            if max(gains[best]) <= 0:
                break
            chosen = chosen | dict(best)
            del gains[best]
        return chosen

    def shrink(self, chosen: dict[Place, str], alone: Mapping[Candidate, Worth], forms: Forms) -> dict[Place, str]:
        """Without what is not needed to win back enough, or as much as there is."""
        bytes_of = {candidate: worth.bytes for candidate, worth in alone.items()}
        bound = max(self.most_loss, self.trials.worth(chosen).loss)
        for place in sorted(chosen, key=lambda place: -bytes_of.get(((place, chosen[place]),), 0)):
            without = {p: scheme for p, scheme in chosen.items() if p != place}
            others = [{**chosen, place: form} for form in dict.fromkeys(forms[place].values()) if form != chosen[place]]
            for smaller in (without, *others):
                if self.trials.exhausted:
                    return chosen
                found, now = self.trials.worth(smaller), self.trials.worth(chosen)
                if found.loss <= bound and (smaller is without or found.bytes < now.bytes):
                    chosen = smaller
                    break
        return chosen

    def is_enough(self, chosen: Assignment) -> bool:
        return self.trials.worth(chosen).loss <= self.most_loss

    def rank(self, chosen: Assignment) -> tuple[float, int]:
        """Below that of a worse start: enough is won back, then there are fewer bytes."""
        worth = self.trials.worth(chosen)
        return max(worth.loss, self.most_loss), worth.bytes

    def as_try(self, candidate: Candidate, worth: Worth) -> Try:
        base = self.trials.base
        added = worth.bytes - base.bytes
        gain = (base.loss - worth.loss) / max(1, added)
        return Try(candidate, worth.value, worth.snr, added, self.trials.won_back(worth), gain)


def _gain(before: Worth, after: Worth) -> tuple[float, float]:
    """Of the metric, and of noise, per byte: the second decides where the first does not gain."""
    added = max(1, after.bytes - before.bytes)
    return max(0.0, before.loss - after.loss) / added, (before.noise - after.noise) / added


def _place(node: Node) -> Place:
    return Place(node.name, node.outputs[0].name)
