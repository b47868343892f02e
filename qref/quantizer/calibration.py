"""What calibration recorded: a summary for every activation, to be stored, continued, merged, and turned into ranges."""

from __future__ import annotations

import hashlib
import json
import os
import pathlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from qref.errors import InputError
from qref.files import write_atomically
from qref.inputs import read_safely
from qref.quantizer import histogram, methods
from qref.quantizer.graph import Graph, Value
from qref.quantizer.methods import Method, Summary
from qref.quantizer.scales import Range
from qref.schema import Model

METHODS = {
    "minmax": methods.MinMax,
    "moving_average": methods.MovingAverage,
    "percentile": histogram.Percentile,
    "mse": histogram.MeanSquaredError,
    "entropy": histogram.Entropy,
}


def method_of(text: str) -> Method:
    """A method from its name, such as "minmax" or "percentile:99.9"; raises InputError for what is none.

    >>> method_of("percentile:99.9")
    Percentile(percent=99.9)
    """
    name, _, parameter = text.partition(":")
    try:
        return METHODS[name](*([float(parameter)] if parameter else []))
    except (KeyError, ValueError, TypeError):
        known = "minmax, moving_average[:MOMENTUM], percentile[:PERCENT], mse or entropy"
        raise InputError(f"{text!r} is no calibration method; it is one of {known}") from None


@dataclass(slots=True)
class Calibration:
    """Summaries of what activations held, by place: "subgraph/tensor", and "subgraph/operator/intermediate" inside an LSTM.

    model    a digest of the float model's structure: a calibration fits no other
    samples  how many were run, from the start of the dataset
    like     whose flaws were kept: "tflite", or None
    """

    model: str
    method: Method
    like: str | None = None
    samples: int = 0
    summaries: dict[str, Summary] = field(default_factory=dict)

    def observe(self, place: str, summary: Summary) -> None:
        """Add the next sample's summary."""
        before = self.summaries.get(place)
        self.summaries[place] = summary if before is None else self.method.merge(before, summary)

    def merged(self, later: Calibration) -> Calibration:
        """Both, `later` being of the samples that follow; raises InputError where the two do not belong together."""
        for name in ("model", "method", "like"):
            if getattr(self, name) != getattr(later, name):
                raise InputError(
                    f"calibrations of another {name} cannot be merged: {getattr(self, name)}, {getattr(later, name)}"
                )
        both = Calibration(self.model, self.method, self.like, self.samples + later.samples, dict(self.summaries))
        for place, summary in later.summaries.items():
            both.observe(place, summary)
        return both

    def ranges(self, graphs: Sequence[Graph]) -> list[dict[Value, Range]]:
        """For each graph, the range of every value that was seen."""
        return [
            {value: self.method.range(self.summaries[place]) for place, value in places(number, graph) if place in self.summaries}
            for number, graph in enumerate(graphs)
        ]

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write an .npz whole or not at all."""
        arrays: dict[str, Any] = {
            f"{place}:{name}": array for place, summary in self.summaries.items() for name, array in summary.items()
        }
        about = {"model": self.model, "method": self.method.name, "like": self.like, "samples": self.samples}
        write_atomically(pathlib.Path(path), lambda file: np.savez_compressed(file, about=json.dumps(about), **arrays))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Calibration:
        """Read what `save` wrote; raises InputError where the file is none."""
        with read_safely(pathlib.Path(path), lambda: np.load(path)) as archive:
            try:
                about = json.loads(str(archive["about"]))
                found = cls(about["model"], method_of(about["method"]), about["like"], int(about["samples"]))
                for key in archive.files:
                    place, _, name = key.rpartition(":")
                    if place:
                        found.summaries.setdefault(place, {})[name] = archive[key]  # type: ignore[index]
            except (KeyError, TypeError, ValueError) as error:
                raise InputError(f"{path} is no calibration that qref has written: {error}") from None
        return found


def places(number: int, graph: Graph) -> Iterator[tuple[str, Value]]:
    """The names of a graph's values in a calibration."""
    for value in graph.values():
        if value.index is not None and value.data is None:
            yield f"{number}/{value.index}", value
    for node in graph.nodes:
        for i, value in enumerate(node.intermediates):
            yield f"{number}/{node.source.index}/{i}", value


def digest(model: Model) -> str:
    """Of the names, types and shapes of all tensors and of the operators between them."""
    text = repr(
        [
            [[(t.name, int(t.type), t.shape) for t in s.tensors], [(o.name, o.inputs, o.outputs) for o in s.operators]]
            for s in model.subgraphs
        ]
    )
    return hashlib.sha256(text.encode()).hexdigest()[:16]
