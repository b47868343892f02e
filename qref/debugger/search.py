"""The search for the operators that should leave a scheme, to win back a share of a metric's loss for few bytes.

1. Each operator is tried alone in each alternative, and so are neighborhoods: all operators that touch one activation, directly
   or through others that keep its scale. An activation is rid of integers only where whatever touches it is.
2. From all operators as the scheme has them, what gains most of the metric per byte is added, step by step, until the share asked
   for is won back. Where nothing gains, less noise against the float model per byte decides.
3. Where that ends too early, as where a loss hides behind the next one, the start is all operators in one alternative.
4. Whatever is not needed goes back to the scheme, or else to an alternative of fewer bytes, the largest first. Where no operator
   can, no mixed model wins the share back, and three quarters of it, half or a quarter is asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from qref.debugger.neighborhood import neighborhoods
from qref.debugger.trial import Assignment, Place, Trials, Worth
from qref.quantizer.graph import Node, read

BREADTH = 6  # candidates that are measured again in a step
MOST_STEPS = 10
PARTS = (1.0, 0.75, 0.5, 0.25)  # of the share
ROUNDING = 1e-9  # of a share

Forms = Mapping[Place, Mapping[str, str]]  # as Trials.forms gives them
Candidate = tuple[tuple[Place, str], ...]  # operators that leave the scheme together, each with its alternative


class Search:
    """One search; share is that of the base's loss to win back."""

    def __init__(self, trials: Trials, alternatives: Sequence[str], share: float):
        self.trials, self.alternatives, self.share = trials, alternatives, share
        self.most_loss = self.allowed(1.0)
        self.graphs = read(trials.model)

    def run(self) -> tuple[dict[Candidate, Worth], dict[Place, str]]:
        """What candidates are worth by themselves, and the operators that are to leave the scheme, in the graph's order."""
        if self.trials.base.loss <= 0:
            return {}, {}
        places = list(dict.fromkeys(_place(node) for graph in self.graphs for node in graph.nodes if node.outputs))
        forms = {place: self.trials.forms(place, self.alternatives) for place in places}
        groups = [{place} for place in places]
        groups += [{_place(node) for node in group} for graph in self.graphs for group in neighborhoods(graph)]
        alone = dict(self.each_alone(self.candidates(places, groups, forms)))
        grown = self.grow(alone)
        starts = [grown]
        if not self.is_enough(grown) and not self.trials.exhausted:
            starts += map(dict, self.candidates(places, [set(places)], forms))
        for part in PARTS:
            self.most_loss = self.allowed(part)
            chosen = self.shrink(min(starts, key=self.rank), alone, forms)
            if len(chosen) < sum(map(bool, forms.values())):
                break
        return alone, {place: chosen[place] for place in places if place in chosen}

    def allowed(self, part: float) -> float:
        """The loss that may be left where a part of the share is won back."""
        return (1 - self.share * part + ROUNDING) * self.trials.base.loss

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
            if gains[best] <= (0.0, 0.0):
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
        """Whether the share is won back."""
        return self.trials.worth(chosen).loss <= self.most_loss

    def rank(self, chosen: Assignment) -> tuple[float, int]:
        """Below that of a worse start: enough is won back, then there are fewer bytes."""
        worth = self.trials.worth(chosen)
        return max(worth.loss, self.most_loss), worth.bytes


def _gain(before: Worth, after: Worth) -> tuple[float, float]:
    """Of the metric, and of noise, per byte: the second decides where the first does not gain."""
    added = max(1, after.bytes - before.bytes)
    return (before.loss - after.loss) / added, (before.noise - after.noise) / added


def _place(node: Node) -> Place:
    return Place(node.name, node.outputs[0].name)
