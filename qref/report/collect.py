"""Everything that is known of a quantized model, in one result."""

from __future__ import annotations

import os
import pathlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from html import escape
from typing import Any

import numpy as np

from qref.analyzer import Analysis, analyze
from qref.analyzer.plain import plain
from qref.compare.explain import Explainer
from qref.compare.verify import Verification, installed_runtimes, verify
from qref.datasets import Source, by_tensor
from qref.debugger import DebugReport, debug
from qref.errors import InputError, ModelError
from qref.evaluation import Evaluation, evaluate
from qref.inputs import inputs_of
from qref.interpreter import Interpreter
from qref.report.elements import OperatorElements, elements_of
from qref.report.values import Values, values_of
from qref.schema import Model

DETAILED = 100  # operators with explained elements and figures of their own: those with the most error
Path = str | os.PathLike[str]
Progress = Callable[[str, int], None]


@dataclass(frozen=True, slots=True)
class Report:
    """What a quantized model holds, computes and loses.

    name, float_name   of the files; float_name is None where there is no float model
    runtime            whose arithmetic debugged, evaluation, values and elements are of
    analysis           what the file holds
    exactness          qref against the library of each installed runtime
    samples            how many were run; 0 without data
    debugged           against the float model; None without one, or without data
    evaluation         metrics against labels, and agreement with the float model; None where there is neither
    values             what operators give on the data; empty where `debugged` tells more, or without data
    elements           by operator of the main subgraph: explained elements of the first sample, drawn from a seed without data
    detailed           operators with figures and explained elements
    reason             why the model could not be run, else empty
    """

    name: str
    float_name: str | None
    runtime: str
    analysis: Analysis
    exactness: tuple[Verification, ...] = ()
    samples: int = 0
    debugged: DebugReport | None = None
    evaluation: Evaluation | None = None
    values: tuple[Values, ...] = ()
    elements: Mapping[int, OperatorElements] = field(default_factory=dict)
    detailed: frozenset[int] = frozenset()
    reason: str = ""

    @property
    def compared(self) -> list[Verification]:
        """Of `exactness`, those that the library did not refuse."""
        return [each for each in self.exactness if each.status != "refused"]

    @property
    def exact(self) -> list[Verification]:
        """Those in which every bit is the same."""
        return [each for each in self.exactness if each.status == "exact"]

    def to_html(self) -> str:
        """The page: one file that loads nothing, the same bytes for the same report.

        Raises BackendError where matplotlib is not installed.
        """
        from qref.report.page import to_html

        return to_html(self)

    def _repr_html_(self) -> str:
        return f'<iframe srcdoc="{escape(self.to_html())}" width="100%" height="800" title="qref report"></iframe>'

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as for JSON."""
        return dict(
            plain(
                {
                    "name": self.name,
                    "float_name": self.float_name,
                    "runtime": self.runtime,
                    "samples": self.samples,
                    "reason": self.reason,
                    "analysis": self.analysis.to_dict(),
                    "debug": None if self.debugged is None else self.debugged.to_dict(),
                    "evaluation": None if self.evaluation is None else self.evaluation.to_dict(),
                    "exactness": [each.to_dict() for each in self.exactness],
                    "elements": {str(operator): asdict(each) for operator, each in self.elements.items()},
                }
            )
        )


def report(
    quantized_model: Path,
    float_model: Path | None = None,
    dataset: Source | None = None,
    labels: Any = None,
    *,
    runtime: str = "xnnpack",
    limit: int | None = None,
    output: str | int | None = None,
    verify_with: Sequence[str] | None = None,
    progress: Progress | None = None,
) -> Report:
    """Analyze, debug, evaluate, verify and explain a model.

    quantized_model   path of a .tflite file
    float_model       path of the one that it was made from
    dataset, labels   as for qref.evaluate; without a dataset there is nothing to debug or to evaluate
    runtime           whose arithmetic
    limit             how many samples to debug with; all are evaluated
    output            name or position of the output to evaluate, where there are several
    verify_with       runtimes to compare with their library; by default those whose library is installed
    progress          called with what is being done and how much of it is
    Raises InputError for data that do not fit and models that do not belong together, InvalidModel for a damaged file. A model
    that the runtime cannot run is a report of its structure, with the reason.
    """
    path, telling = pathlib.Path(quantized_model), progress or (lambda what, count: None)
    analysis = analyze(path)
    data = list(dataset) if isinstance(dataset, Iterator) else dataset  # it is read several times
    found: dict[str, Any] = {"exactness": _verified(path, installed_runtimes() if verify_with is None else verify_with, telling)}
    try:
        found |= _measured(analysis.model, float_model, data, runtime, limit, telling)
        if data is not None:
            found["evaluation"] = _evaluated(path, analysis.model, float_model, data, labels, runtime, output, telling)
    except ModelError as error:
        found["reason"] = str(error)
    return Report(path.name, None if float_model is None else pathlib.Path(float_model).name, runtime, analysis, **found)


def _verified(path: pathlib.Path, runtimes: Sequence[str], telling: Progress) -> tuple[Verification, ...]:
    found: list[Verification] = []
    for runtime in runtimes:
        telling("verifying", len(found))
        found += verify([path], runtime)
    return tuple(found)


def _measured(
    model: Model, float_model: Path | None, data: Source | None, runtime: str, limit: int | None, telling: Progress
) -> dict[str, Any]:
    """What running the model tells: on the data, and of single elements."""
    found: dict[str, Any] = {}
    debugged: DebugReport | None = None
    if data is not None and float_model is not None:
        debugged = debug(float_model, model, data, runtime=runtime, limit=limit, progress=lambda n: telling("debugging", n))
        found |= {"debugged": debugged, "samples": debugged.samples}
    elif data is not None:
        found["values"], found["samples"] = values_of(model, data, runtime, limit, lambda n: telling("running", n))
    detailed = _detailed(model, debugged)
    explainer = Explainer(model, _first_sample(model, data, runtime), runtime)
    elements = {}
    for operator in model.subgraphs[0].operators:
        telling("explaining", operator.index)
        elements[operator.index] = elements_of(explainer, operator.index, debugged, operator.index in detailed)
    return found | {"elements": elements, "detailed": detailed}


def _detailed(model: Model, debugged: DebugReport | None) -> frozenset[int]:
    """The operators of which most is told: those with the most error first, then the first ones."""
    worst = [] if debugged is None else [layer.operator for layer in debugged.worst()]
    ranked = dict.fromkeys([*worst, *(operator.index for operator in model.subgraphs[0].operators)])
    return frozenset(list(ranked)[:DETAILED])


def _first_sample(model: Model, data: Source | None, runtime: str) -> dict[int, np.ndarray]:
    """Arrays for the inputs by tensor index: the first sample, or drawn from the seed 0 where there are no data."""
    if data is None:
        return inputs_of(model, [], 0)
    details = Interpreter(model_content=model, runtime=runtime).get_input_details()
    for arrays in by_tensor(data, details):
        return arrays
    raise InputError("the dataset holds no sample")


def _evaluated(
    path: pathlib.Path,
    model: Model,
    float_model: Path | None,
    data: Source,
    labels: Any,
    runtime: str,
    output: str | int | None,
    telling: Progress,
) -> Evaluation | None:
    """Metrics, where there is something to compare with."""
    agreement = float_model is not None and (output is not None or len(model.subgraphs[0].outputs) == 1)
    if labels is None and not agreement:
        return None
    models = [path] if float_model is None else [float_model, path]
    return evaluate(models, data, labels, runtime=runtime, output=output, progress=lambda _, n: telling("evaluating", n))
