"""Evaluate: several models on one dataset, against labels and against the first of them."""

from __future__ import annotations

import os
import pathlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from qref.datasets import Source
from qref.errors import InputError
from qref.evaluation import metrics
from qref.evaluation.judge import Confusion, Judge
from qref.evaluation.outputs import outputs
from qref.frames import to_frame
from qref.notebook import html_table
from qref.schema import Model, load, write

ModelLike = str | os.PathLike[str] | bytes | Model


@dataclass(frozen=True, slots=True)
class Row:
    """One model.

    bytes       of its file; of the one that qref would write, for a qref.Model
    metrics     by name; "agreement" and "snr" (dB) are with the first model and stand in the others only
    confusion   [true class][predicted class]; empty where there are no classes, no labels, or over 1,024 classes
    """

    model: str
    bytes: int
    metrics: Mapping[str, float]
    confusion: Confusion = ()


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What came of it.

    task      classification or regression; None where neither labels nor the caller tell
    samples   how many outputs were judged: one a sample, or one a pixel or time step where a model gives those
    """

    task: str | None
    runtime: str
    samples: int
    rows: tuple[Row, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as for JSON; None for what is infinite or not defined."""
        found = asdict(self)
        for row in found["rows"]:
            row["metrics"] = {name: value if np.isfinite(value) else None for name, value in row["metrics"].items()}
        return found

    def to_pandas(self) -> Any:
        """A pandas.DataFrame with a line for each model and a column for each metric."""
        return to_frame({"model": row.model, "bytes": row.bytes, **row.metrics} for row in self.rows)

    def _repr_html_(self) -> str:
        names = list(dict.fromkeys(name for row in self.rows for name in row.metrics))
        rows = [[metrics.title(name), *(row.metrics.get(name) for row in self.rows)] for name in names]
        rows.append(["bytes", *(row.bytes for row in self.rows)])
        return html_table([f"{self.samples:,} outputs", *(row.model for row in self.rows)], rows)


def evaluate(
    models: ModelLike | Sequence[ModelLike] | Mapping[str, ModelLike],
    inputs: Source,
    labels: Any = None,
    *,
    task: str | None = None,
    output: str | int | None = None,
    runtime: str = "litert-reference",
    top_k: int = 5,
    threshold: float = 0.5,
    num_threads: int | None = None,
    progress: Callable[[str, int], None] | None = None,
) -> Evaluation:
    """Run models on a dataset and compare their outputs with labels, and with those of the first model.

    models     paths, bytes or qref.Models; a mapping gives them names
    inputs     samples, in any of the forms of qref.datasets; floats for a quantized input are quantized as it says
    labels     integers, one-hot rows or probabilities for classification, real values for regression, as an array or a file: see
               qref.evaluation.labels; None: models are compared with the first one only
    task       "classification" or "regression"; by default what the labels look like
    output     its name or position, where a model has several
    runtime    whose arithmetic
    top_k      top-k accuracy, at most the number of classes but one; where there are more than 2
    threshold  above which an only output means class 1
    progress   called with a model's name and the number of samples done
    Raises InputError for data or labels that do not fit, ModelError for a model that cannot be run.

    >>> import numpy as np, qref
    >>> image = np.load(qref.bundled("digits_cnn_float").with_suffix(".npz"))["input/0"]
    >>> found = qref.evaluate([qref.bundled("digits_cnn_float"), qref.bundled("digits_cnn_int8")], image, [1])
    >>> [row.metrics["accuracy"] for row in found.rows], round(found.rows[1].metrics["snr"])
    ([1.0, 1.0], 45)
    """
    named = _named(models)
    if labels is None and len(named) < 2:
        raise InputError("nothing to compare with: give labels, or more than one model")
    judge = None if labels is None else Judge.of(labels, task, threshold, top_k)
    kind = task if judge is None else judge.task
    data = list(inputs) if isinstance(inputs, Iterator) else inputs  # it is read once for each model
    rows: list[Row] = []
    first: np.ndarray | None = None
    for name, source in named.items():
        report = None if progress is None else (lambda count, name=name: progress(name, count))
        try:
            model = source if isinstance(source, Model) else load(source)
            given = outputs(model, data, output=output, runtime=runtime, num_threads=num_threads, progress=report)
            found, confusion = ({}, ()) if judge is None else judge.metrics(given)
            if first is None:
                first = given
            else:
                found = found | metrics.agreement(given, first, None if kind == "regression" else threshold)
        except InputError as error:
            raise InputError(f"{name!r}: {error}") from None
        rows.append(Row(name, size_of(source), found, confusion))
    assert first is not None
    return Evaluation(kind, runtime, len(first), tuple(rows))


def _named(models: ModelLike | Sequence[ModelLike] | Mapping[str, ModelLike]) -> dict[str, ModelLike]:
    """Models by name: a file's name without its ending where this is clear, its path where not."""
    if isinstance(models, Mapping):
        return dict(models)
    several = [models] if isinstance(models, str | os.PathLike | bytes | Model) else list(models)
    if not several:
        raise InputError("no model is given")
    short = [pathlib.Path(m).stem if isinstance(m, str | os.PathLike) else f"model {i}" for i, m in enumerate(several)]
    long = [str(m) if isinstance(m, str | os.PathLike) else short[i] for i, m in enumerate(several)]
    names = short if len(set(short)) == len(short) else long
    return {name if names.count(name) == 1 else f"{name} ({i})": m for i, (name, m) in enumerate(zip(names, several))}


def size_of(source: ModelLike) -> int:
    """The bytes of a model's file; of the one that qref would write, for a qref.Model."""
    if isinstance(source, Model):
        return len(write(source))
    return len(source) if isinstance(source, bytes) else pathlib.Path(source).stat().st_size
