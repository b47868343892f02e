"""Suggest: the recipe that wins back what a quantized model loses for the fewest bytes, found by trying: see search.py."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from qref.datasets import Source
from qref.debugger.search import Candidate, Search
from qref.debugger.trial import Place, Ruler, Trials, Worth
from qref.errors import InputError
from qref.evaluation.evaluation import ModelLike, size_of
from qref.frames import to_frame
from qref.quantizer import SCHEMES, Calibration, Recipe, calibrate
from qref.schema import Model, load

ALTERNATIVES = ("float", "dynamic_range")


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
    share         of the loss to win back: with 1, the last samples cost the most bytes; less where no mixed model can
    most_tries    how many models are measured at most
    progress      called with how many were
    Raises InputError for what does not fit, ModelError for a model that cannot be run.
    """
    _check(scheme, alternatives, share, most_tries)
    model = float_model if isinstance(float_model, Model) else load(float_model)
    ruler = Ruler(model, inputs, labels, metric, task, output=output, runtime=runtime)
    if calibration is None and representative_dataset is not None:
        calibration = calibrate(model, representative_dataset)
    trials = Trials(model, calibration, scheme, ruler, most_tries, progress)
    alone, chosen = Search(trials, alternatives, share).run()
    best = trials.worth(chosen)
    return Suggestion(
        metric=ruler.metric,
        recipe=trials.recipe(chosen),
        content=trials.content(chosen),
        changed=tuple(chosen.items()),
        operators=sum(len(subgraph.operators) for subgraph in model.subgraphs),
        float_value=ruler.float_value,
        quantized_value=trials.base.value,
        value=best.value,
        float_bytes=size_of(float_model),
        quantized_bytes=trials.base.bytes,
        bytes=best.bytes,
        won_back=trials.won_back(best),
        tried=len(trials.measured),
        tries=tuple(sorted((_try(trials, *tried) for tried in alone.items()), key=lambda t: -t.gain_per_byte)),
    )


def _check(scheme: str, alternatives: Sequence[str], share: float, most_tries: int) -> None:
    for name in (scheme, *alternatives):
        if name not in SCHEMES:
            raise InputError(f"{name!r} is no scheme; it is one of {', '.join(SCHEMES)}")
    if not 0 < share <= 1 or most_tries < 1 or not alternatives:
        raise InputError("expected 0 < share <= 1, most_tries of at least 1 and at least one alternative")


def _try(trials: Trials, candidate: Candidate, worth: Worth) -> Try:
    added = worth.bytes - trials.base.bytes
    gain = (trials.base.loss - worth.loss) / max(1, added)
    return Try(candidate, worth.value, worth.snr, added, trials.won_back(worth), gain)
