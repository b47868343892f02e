"""Calibration: a float model is run on samples, and the range of every activation recorded.

By default the ranges are true: each sample starts from the initial state, and every value that an LSTM's states take counts. As
TFLiteConverter records them (like="tflite")
- a greatest value is never below the least positive float32, even of a tensor that is never positive;
- the states of an LSTM go on from one sample to the next, and are seen only where a sample ends;
- the first input of an ADD, SUB, MUL or DIV that nothing else reads is widened by the output, which is computed in its place (or
  the second, where something else reads the first): each residual branch gets too wide a range.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from qref.datasets import Source, samples
from qref.errors import InputError
from qref.interpreter import Interpreter
from qref.quantizer import lstm
from qref.quantizer.calibration import Calibration, digest
from qref.quantizer.graph import Graph, Value
from qref.quantizer.lstm_watch import LstmWatch
from qref.quantizer.methods import Method, MinMax, Summary
from qref.quantizer.scales import Range
from qref.schema import Model, Tensor, TensorType

LEAST_POSITIVE = float(np.finfo(np.float32).tiny)
IN_PLACE = ("ADD", "SUB", "MUL", "DIV")


class CalibrationStopped(InputError):
    """A sample was refused; `calibration` holds what was recorded before it."""

    def __init__(self, message: str, calibration: Calibration):
        super().__init__(message)
        self.calibration = calibration


def calibrate(
    model: Model,
    representative_dataset: Source,
    *,
    method: Method | None = None,
    like: str | None = None,
    resume: Calibration | None = None,
    limit: int | None = None,
    progress: Callable[[int], None] | None = None,
) -> Calibration:
    """Record what every activation of a float model holds.

    representative_dataset   as in qref.datasets
    method     MinMax() by default
    like       "tflite": with the converter's flaws
    resume     a calibration of the first samples: they are skipped, and it is continued
    limit      how many samples to take in all
    progress   called with the number of samples done
    Raises CalibrationStopped for a sample that does not fit, is not finite or makes a tensor that is not.
    """
    if like not in (None, "tflite"):
        raise InputError(f"like is {like!r}; there is only 'tflite'")
    found = Calibration(digest(model), method or MinMax(), like)
    if resume is not None:
        found = resume.merged(found)
    interpreter = Interpreter(model_content=model, runtime="litert-optimized")
    interpreter.allocate_tensors()
    watch = _Watch(interpreter, found.method, like)
    source = samples(representative_dataset, interpreter.get_input_details())
    try:
        for arrays in itertools.islice(source, found.samples, limit):
            for place, summary in watch.run(arrays).items():
                found.observe(place, summary)
            found.samples += 1
            if progress is not None:
                progress(found.samples)
    except InputError as error:
        raise CalibrationStopped(f"after {found.samples} samples: {error}", found) from None
    if not found.samples:
        raise CalibrationStopped("the representative dataset holds no sample", found)
    return found


class _Watch:
    """Runs samples, and summarizes what the tensors of all subgraphs held."""

    def __init__(self, interpreter: Interpreter, method: Method, like: str | None):
        self.interpreter, self.method, self.like = interpreter, method, like
        self.inputs = [detail["index"] for detail in interpreter.get_input_details()]
        self.summaries: dict[str, Summary] = {}
        model = interpreter.model
        self.watched = [[t for t in s.tensors if t.type == TensorType.FLOAT32 and model.data(t) is None] for s in model.subgraphs]
        self.lstms = [LstmWatch(interpreter, o, like) for o in model.subgraphs[0].operators if o.name == lstm.NAME]
        interpreter.observe(self.see)

    def run(self, arrays: Sequence[np.ndarray]) -> dict[str, Summary]:
        """Run one sample; raises InputError where it makes a tensor that is not finite."""
        self.summaries = {}
        if self.like is None:
            self.interpreter.reset_all_variables()
        for index, array in zip(self.inputs, arrays):
            self.interpreter.set_tensor(index, array)
        for watch in self.lstms:
            watch.start()
        self.interpreter.invoke()
        for watch in self.lstms:
            for place, seen in watch.finish():
                self.add(place, seen)
        return self.summaries

    def see(self, subgraph: int, values: Sequence[np.ndarray | None]) -> None:
        """Summarize the tensors of a subgraph that was just evaluated."""
        for tensor in self.watched[subgraph]:
            x = values[tensor.index]
            if x is not None:
                self.add(f"{subgraph}/{tensor.index}", x, tensor)

    def add(self, place: str, x: np.ndarray, tensor: Tensor | None = None) -> None:
        """Add values to a summary; NaN does not count. Raises InputError where those of `tensor` are not finite."""
        if not x.size:
            return
        low, high = x.min(), x.max()
        if not (np.isfinite(low) and np.isfinite(high)):
            if tensor is not None and self.like is None:
                raise InputError(f"tensor {tensor.index} ({tensor.name}) becomes NaN or infinite")
            x = x[~np.isnan(x)]
            if not x.size:
                return
            low, high = x.min(), x.max()
        before, summary = self.summaries.get(place), self.method.summarize(x, float(low), float(high))
        self.summaries[place] = summary if before is None else self.method.merge(before, summary)


def like_tflite(graphs: Sequence[Graph], ranges: Sequence[Mapping[Value, Range]]) -> list[dict[Value, Range]]:
    """The ranges as TFLiteConverter's calibrator would have recorded them."""
    changed = []
    for graph, found in zip(graphs, ranges):
        found = {value: Range(x.min, max(x.max, LEAST_POSITIVE)) for value, x in found.items()}
        widened, consumers = dict(found), graph.consumers()
        for node in graph.nodes:
            y = node.outputs[0] if node.outputs else None
            if node.name not in IN_PLACE or y is None or y in graph.outputs or y not in found:
                continue
            for x in filter(None, node.inputs[:2]):
                if x in found and len(consumers[x]) == 1 and x.shape == y.shape and x not in (*graph.inputs, *graph.outputs):
                    widened[x] = found[x].union(found[y])
                    break
        changed.append(widened)
    return changed
