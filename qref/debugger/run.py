"""Samples through the joint model of a float and a quantized one, and what is measured of every operator."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np

from qref.batch import invoke_each
from qref.datasets import Source, by_tensor
from qref.debugger.align import Pair, Stripped, align
from qref.debugger.constants import is_quantized
from qref.debugger.look import LstmLook
from qref.debugger.lstm import FloatLstm
from qref.debugger.numbering import tensor_numbers
from qref.debugger.report import DebugReport
from qref.debugger.statistics import LayerStatistics, Weights, measured
from qref.debugger.sums import ChannelSums, LayerSums
from qref.debugger.twins import STORED, Joint, Probe, join
from qref.debugger.weights import weights_of
from qref.errors import InputError
from qref.interpreter import Interpreter
from qref.quantizer.graph import Graph, Node, Value, read
from qref.schema import Model, load

ModelSource = str | os.PathLike[str] | bytes | Model
Metric = Callable[..., float]
Chunk = dict[int, np.ndarray]


@dataclass(frozen=True, slots=True)
class Metrics:
    """Functions of the caller's, by name; each gives a number for a sample, of which the mean over samples is taken.

    layer    f(differences) of an operator's output less its float twin's
    direct   f(what the twin gives, the output as stored, scale, zero_point)
    model    f(outputs of the float model, those of the quantized model as float32)
    """

    layer: Mapping[str, Metric] = field(default_factory=dict)
    direct: Mapping[str, Metric] = field(default_factory=dict)
    model: Mapping[str, Metric] = field(default_factory=dict)


def debug(
    float_model: ModelSource,
    quantized_model: ModelSource,
    dataset: Source,
    *,
    runtime: str = "xnnpack",
    like: str | None = None,
    quantized_inputs: bool = False,
    metrics: Metrics | None = None,
    limit: int | None = None,
    progress: Callable[[int], None] | None = None,
) -> DebugReport:
    """Measure what quantization does to every operator of a model.

    float_model, quantized_model   two forms of one model: paths, bytes or Models; the quantized one without debug operators
    dataset            samples for the float model, in any of the forms of qref.datasets
    runtime            whose arithmetic both compute with
    like               "tflite": as TensorFlow's debugger measures; states of LSTMs go on from one sample to the next, and
                       operators that only make a tensor smaller are compared with themselves
    quantized_inputs   whether the error of quantizing the model's inputs is left out of the operators that read them
    metrics            more to measure
    limit              how many samples to take
    progress           called with the number of samples done
    Raises InputError for models that do not belong together and samples that do not fit, ModelError for what cannot be run.
    """
    if like not in (None, "tflite"):
        raise InputError(f"like is {like!r}; there is only 'tflite'")
    original, quantized = (m if isinstance(m, Model) else load(m) for m in (float_model, quantized_model))
    _expect_float(original)
    run = _Run(original, quantized, runtime, like == "tflite", quantized_inputs, metrics or Metrics())
    for chunk in _ahead(run.chunks(dataset, limit)):
        run.add(chunk)
        if progress is not None:
            progress(run.samples)
    if not run.samples:
        raise InputError("the dataset holds no sample")
    return run.report()


def _ahead(chunks: Iterator[Chunk]) -> Iterator[Chunk]:
    """The same, each computed while the one before is measured: neither holds the GIL for long."""
    with ThreadPoolExecutor(1) as executor:
        following = executor.submit(next, chunks, None)
        while (chunk := following.result()) is not None:
            following = executor.submit(next, chunks, None)
            yield chunk


def _expect_float(model: Model) -> None:
    for tensor in model.subgraphs[0].tensors:
        if tensor.type in STORED and tensor.quantization is not None and len(tensor.quantization.scale):
            named = f"tensor {tensor.index} ({tensor.name})"
            raise InputError(f"the float model is quantized: {named} is {tensor.type.name}; give the float model first")


class _Run:
    def __init__(
        self,
        float_model: Model,
        quantized_model: Model,
        runtime: str,
        like_tflite: bool,
        quantized_inputs: bool,
        metrics: Metrics,
    ):
        float_graphs, graphs = read(float_model), read(quantized_model)
        self.alignment = align(float_graphs[0], graphs[0])
        self.weights = _weights(self.alignment.pairs, Stripped(graphs[0]))
        self.calling = {pair.node for pair in self.alignment.pairs if _calls_quantized(pair.node, graphs)}
        self.numbers = tensor_numbers(float_graphs[0], graphs[0], self.alignment)
        self.joint: Joint = join(
            *(float_model, quantized_model, float_graphs, graphs, self.alignment),
            quantized_inputs=quantized_inputs,
            like_tflite=like_tflite,
        )
        self.like_tflite, self.metrics, self.samples = like_tflite, metrics, 0
        self.sums = [LayerSums(_limits(probe.value), _channels(probe.pair, probe.value)) for probe in self.joint.probes]
        self.custom: list[dict[str, list[float]]] = [{} for _ in self.joint.probes]
        self.of_model: dict[str, list[float]] = {name: [] for name in metrics.model}
        self.interpreter = Interpreter(model_content=self.joint.model, runtime=runtime)
        self.interpreter.allocate_tensors()
        self.looks = {node: LstmLook.of(self.interpreter, self.joint, node, twin) for node, (twin, _) in self.joint.lstms.items()}
        tensors = {t for p in self.joint.probes for t in (p.dequantized, p.twin, p.float) if t is not None}
        tensors |= {probe.stored for probe in self.joint.probes if metrics.direct}
        tensors |= {t for pair in self.joint.outputs for t in pair} | {x for _, x in self.joint.lstms.values()}
        tensors |= {t for look in self.looks.values() for t in look.reads}
        self.wanted = sorted(tensors)

    def chunks(self, dataset: Source, limit: int | None) -> Iterator[Chunk]:
        """What the tensors hold after some samples at a time, [samples, ...]."""
        source = itertools.islice(by_tensor(dataset, self.interpreter.get_input_details()), limit)
        return invoke_each(self.interpreter, source, self.wanted, carry=self.like_tflite)

    def add(self, chunk: Chunk) -> None:
        """Measure some samples."""
        count = len(next(iter(chunk.values())))
        twins = {node: self._run_lstm(node, twin, chunk, x) for node, (twin, x) in self.joint.lstms.items()}
        for probe, sums, custom in zip(self.joint.probes, self.sums, self.custom):
            twin = twins[probe.pair.node] if probe.twin is None else chunk[probe.twin]
            found = chunk[probe.dequantized]
            if not self._has_one_shape(probe, found, twin, chunk[probe.float]):
                continue
            sums.add(found, twin, chunk[probe.float])
            self._expect_finite(probe, sums, count)
            self._measure(probe, custom, found, twin, chunk.get(probe.stored, found))
        for i in range(count) if self.metrics.model else ():
            ends = [[chunk[pair[side]][i] for pair in self.joint.outputs] for side in (0, 1)]
            for name, metric in self.metrics.model.items():
                self.of_model[name].append(metric(*ends))
        self.samples += count

    def _run_lstm(self, node: Node, twin: FloatLstm, chunk: Chunk, x: int) -> np.ndarray:
        y, inside = twin.run(chunk[x], carry=self.like_tflite)
        self.looks[node].add(chunk, inside, carry=self.like_tflite)
        return y

    def _has_one_shape(self, probe: Probe, *arrays: np.ndarray) -> bool:
        """Whether all three can be compared, in this and all samples before; the operator is noted where not."""
        shapes = list(dict.fromkeys(array.shape[1:] for array in arrays))
        if len(shapes) > 1:
            self.alignment.unaligned[probe.pair.node] = f"its shape depends on data: {' and '.join(str(list(s)) for s in shapes)}"
        return probe.pair.node not in self.alignment.unaligned

    def _expect_finite(self, probe: Probe, sums: LayerSums, count: int) -> None:
        if not sums.is_finite:
            where = f"{probe.pair.node} or its float counterpart, {probe.pair.float_node},"
            raise InputError(f"samples {self.samples} to {self.samples + count - 1}: {where} becomes NaN or infinite")

    def _measure(
        self, probe: Probe, custom: dict[str, list[float]], found: np.ndarray, twin: np.ndarray, stored: np.ndarray
    ) -> None:
        for name, metric in self.metrics.layer.items():
            custom.setdefault(name, []).extend(metric(a - b) for a, b in zip(found, twin))
        encoding = _encoding(probe.value)
        for name, metric in self.metrics.direct.items() if encoding is not None else ():
            custom.setdefault(name, []).extend(metric(b, a, *encoding) for a, b in zip(stored, twin))  # type: ignore[misc]

    def report(self) -> DebugReport:
        """What all samples told."""
        measured_ = zip(self.joint.probes, self.sums, self.custom)
        layers = tuple(self._layer(*entry) for entry in measured_ if entry[0].pair.node not in self.alignment.unaligned)
        unaligned = tuple((str(node), reason) for node, reason in self.alignment.unaligned.items())
        of_model = {name: float(np.mean(found)) for name, found in self.of_model.items()}
        return DebugReport(layers, unaligned, self.samples, of_model)

    def _layer(self, probe: Probe, sums: LayerSums, custom: dict[str, list[float]]) -> LayerStatistics:
        node, value = probe.pair.node, probe.value
        weights = self.weights[node]
        scale, zero_point = _encoding(value) or (None, None)
        return LayerStatistics(
            op_name=node.name,
            operator=node.source.index,
            output=probe.output,
            tensor=-1 if value.index is None else value.index,
            tensor_idx=self.numbers.get(value, -1),
            tensor_name=probe.pair.outputs[probe.output].name,
            quantized=bool(weights) or is_quantized(value) or node in self.calling,
            scale=scale,
            zero_point=zero_point,
            weights=weights,
            inside=self.looks[node].results() if node in self.looks else (),
            metrics={name: _mean(found) for name, found in custom.items()},
            **measured(sums),
        )


def _mean(found: Sequence[float]) -> float:
    """Of what is not NaN; NaN where all is."""
    known = [x for x in found if not np.isnan(x)]
    return float(np.mean(known)) if known else float("nan")


def _calls_quantized(node: Node, graphs: Sequence[Graph]) -> bool:
    """Whether an operator calls a subgraph, as WHILE and IF do, that holds anything quantized."""
    options = (node.source.options, node.source.options_2)
    called = [n for o in options for name, n in o.values.items() if name.endswith("subgraph_index") and 0 < n < len(graphs)]
    return any(is_quantized(value) for number in called for value in graphs[number].values())


def _weights(pairs: Sequence[Pair], quantized: Stripped) -> dict[Node, tuple[Weights, ...]]:
    return {pair.node: weights_of(pair, quantized) for pair in pairs}


def _encoding(value: Value) -> tuple[float, int] | None:
    """Scale and zero point of an activation that is stored as integers."""
    found = value.quantization
    if value.type not in STORED or found is None or len(found.scale) != 1:
        return None
    return float(found.scale[0]), int(found.zero_point[0])


def _limits(value: Value) -> tuple[float, float, float] | None:
    """The real numbers that the least and the greatest integer stand for, and the scale."""
    found = _encoding(value)
    if found is None:
        return None
    scale, zero_point = found
    limits = np.iinfo(value.type.dtype)
    return scale * (limits.min - zero_point), scale * (limits.max - zero_point), scale


def _channels(pair: Pair, value: Value) -> ChannelSums | None:
    """For an operator whose weights have a scale for each channel of its output."""
    scales = [len(v.quantization.scale) for v in pair.node.inputs if v is not None and v.data is not None and v.quantization]
    channels = value.shape[-1] if value.shape else 0
    return ChannelSums.of(channels) if channels > 1 and channels in scales else None
