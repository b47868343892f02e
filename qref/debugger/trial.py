"""A trial: some operators in another scheme than the rest, and what the model is worth then."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from qref.datasets import Source, samples
from qref.errors import InputError
from qref.evaluation import metrics
from qref.evaluation.judge import Judge
from qref.evaluation.outputs import outputs
from qref.interpreter import Interpreter
from qref.quantizer import Calibration, Recipe, Rule, quantize_model
from qref.schema import Model, load


@dataclass(frozen=True, slots=True)
class Place:
    """An operator, as a recipe names it: its builtin name and the name of its first output."""

    operator: str
    output: str

    def rule(self, scheme: str) -> Rule:
        """A rule for this operator alone."""
        return Rule(re.escape(self.operator), re.escape(self.output), scheme)


Assignment = Mapping[Place, str]


@dataclass(frozen=True, slots=True)
class Worth:
    """What a model is worth.

    value   of the metric
    loss    of the metric, from the float model's value on; above 0 is worse
    snr     of the outputs against the float model's, in dB; NaN where they are classes
    bytes   of the file
    """

    value: float
    loss: float
    snr: float
    bytes: int

    @property
    def noise(self) -> float:
        """The root mean square of what differs from the float model's outputs, relative to these; 0 where they are classes."""
        return 0.0 if np.isnan(self.snr) else metrics.noise(self.snr)


class Ruler:
    """Measures one metric of models on the same samples, with the float model's value as the end of the scale."""

    def __init__(self, model: Model, inputs: Source, labels: Any, metric: str | None, task: str | None, **options: Any):
        self.options = options
        self.data = list(samples(inputs, Interpreter(model_content=model).get_input_details()))
        self.judge = None if labels is None else Judge.of(labels, task)
        self.reference = outputs(model, self.data, **options)
        kind = task if self.judge is None else self.judge.task
        self.by_class = kind != "regression" and (self.judge is not None or self.reference.shape[1:] != (1,))
        self.metric = metric or self._default()
        known = self.values(self.reference)
        if self.metric not in known or np.isnan(known[self.metric]):
            raise InputError(f"there is no metric {self.metric!r} of this model on these data; there are {', '.join(known)}")
        self.float_value = known[self.metric]

    def _default(self) -> str:
        if self.judge is None:
            return "agreement" if self.by_class else "snr"
        return "accuracy" if self.by_class else "root_mean_squared_error"

    def values(self, given: np.ndarray) -> metrics.Metrics:
        """All metrics of a model's outputs."""
        found = {} if self.judge is None else self.judge.metrics(given)[0]
        return found | metrics.agreement(given, self.reference, 0.5 if self.by_class else None)

    def measure(self, content: bytes) -> Worth:
        """What a model is worth, from its bytes."""
        values = self.values(outputs(load(content), self.data, **self.options))
        value = values[self.metric]
        return Worth(value, self._loss(value), values.get("snr", float("nan")), len(content))

    def _loss(self, value: float) -> float:
        if self.metric == "snr":
            return metrics.noise(value)
        return value - self.float_value if self.metric in metrics.LESS_IS_BETTER else self.float_value - value


class Trials:
    """Makes models of assignments and measures them, equal ones once.

    base    the model with all operators as the scheme has them
    most    how many models are measured in all
    """

    def __init__(
        self,
        model: Model,
        calibration: Calibration | None,
        scheme: str,
        ruler: Ruler,
        most: int,
        progress: Callable[[int], None] | None = None,
    ):
        self.model, self.calibration, self.scheme, self.ruler = model, calibration, scheme, ruler
        self.most, self.progress = most, progress
        self.measured: dict[str, Worth] = {}  # by digest of the model
        self.known: dict[frozenset[tuple[Place, str]], Worth] = {}
        self.base = self.worth({})

    @property
    def exhausted(self) -> bool:
        """Whether no further model is to be measured."""
        return len(self.measured) >= self.most

    def recipe(self, assignment: Assignment) -> Recipe:
        """The recipe that gives these operators their schemes."""
        return Recipe(self.scheme, tuple(place.rule(scheme) for place, scheme in assignment.items()))

    def content(self, assignment: Assignment) -> bytes:
        """The model's bytes."""
        return quantize_model(self.model, recipe=self.recipe(assignment), calibration=self.calibration).content

    def worth(self, assignment: Assignment) -> Worth:
        """What the model is worth."""
        key = frozenset(assignment.items())
        if key not in self.known:
            content = self.content(assignment)
            digest = hashlib.sha256(content).hexdigest()
            if digest not in self.measured:
                self.measured[digest] = self.ruler.measure(content)
                if self.progress is not None:
                    self.progress(len(self.measured))
            self.known[key] = self.measured[digest]
        return self.known[key]

    def forms(self, place: Place, alternatives: Sequence[str]) -> dict[str, str]:
        """The name under which each alternative gives an operator by itself its form: others may give the same.

        Empty for an operator that is as it is in every scheme.
        """
        names: dict[bytes, str] = {}
        found = {name: names.setdefault(self.content({place: name}), name) for name in alternatives}
        return {} if self.content({}) in names else found

    def won_back(self, worth: Worth) -> float:
        """The share of the base's loss that a model does not have; 1 where there is none."""
        return 1 - worth.loss / self.base.loss if self.base.loss > 0 else 1.0
