"""qref.QuantizationDebugger: the constructor, methods and attributes of tf.lite.experimental.QuantizationDebugger."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import IO, Any

import numpy as np

from qref.datasets import Source
from qref.debugger.keep_float import drop_unread, keep_float
from qref.debugger.report import COLUMNS, DebugReport
from qref.debugger.run import Metrics, debug
from qref.errors import InputError
from qref.quantizer.graph import assemble, read
from qref.schema import Model, load, write

VERIFY = "NumericVerify"  # the operator by which TensorFlow compares in its debug models


class QuantizationDebugOptions:
    """What to measure beside the default, and which operators to leave in float.

    layer_debug_metrics           {name: f(differences)} for each operator's output
    model_debug_metrics           {name: f(outputs of the float model, outputs of the quantized model as float32)}
    layer_direct_compare_metrics  {name: f(float values, quantized values, scale, zero_point)}; for outputs stored as integers
    denylisted_ops                builtin names of operators that stay float
    denylisted_nodes              names of outputs whose operators stay float
    fully_quantize                whether the error of quantizing the model's inputs is left out of the operators that read them

    Metrics give a number for each sample, of which the mean over samples is taken. Raises InputError, which is a ValueError,
    where two metrics have one name.
    """

    def __init__(
        self,
        layer_debug_metrics: Mapping[str, Callable[[np.ndarray], float]] | None = None,
        model_debug_metrics: Mapping[str, Callable[[Sequence[np.ndarray], Sequence[np.ndarray]], float]] | None = None,
        layer_direct_compare_metrics: Mapping[str, Callable[[np.ndarray, np.ndarray, float, int], float]] | None = None,
        denylisted_ops: list[str] | None = None,
        denylisted_nodes: list[str] | None = None,
        fully_quantize: bool = False,
    ):
        self.layer_debug_metrics = layer_debug_metrics
        self.model_debug_metrics = model_debug_metrics
        self.layer_direct_compare_metrics = layer_direct_compare_metrics
        self.denylisted_ops = denylisted_ops
        self.denylisted_nodes = denylisted_nodes
        self.fully_quantize = fully_quantize
        given = (layer_debug_metrics, model_debug_metrics, layer_direct_compare_metrics)
        names = [name for metrics in given for name in metrics or ()]
        if len(names) != len(set(names)):
            twice = sorted({name for name in names if names.count(name) > 1})
            raise InputError(f"metrics have duplicate keys: {', '.join(twice)}; give each a name of its own")


class QuantizationDebugger:
    """Measures the error of every quantized operator of a model, with TensorFlow's names and its table.

    quant_debug_model_path, quant_debug_model_content   the quantized model, of any scheme; without debug operators, and those of
                     a TensorFlow debug model are left out
    float_model_path, float_model_content   the float model that it was made from
    debug_dataset    samples for the float model: a function that gives an iterable, or any other form of qref.datasets
    debug_options    QuantizationDebugOptions
    converter        not taken: qref needs none

    layer_statistics   after run(): {"NumericVerify/NAME:INDEX": {metric: mean over samples}}
    model_statistics   after run(), where there are model_debug_metrics: {metric: mean over samples}
    report             after run(): all that was measured, as a DebugReport

    Raises InputError, which is a ValueError, for what is missing or does not belong together.

    >>> import numpy as np, qref
    >>> samples = np.random.default_rng(0).uniform(0, 1, (4, 1, 8, 8, 1)).astype(np.float32)
    >>> debugger = qref.QuantizationDebugger(
    ...     quant_debug_model_path=qref.bundled("digits_cnn_int8"),
    ...     float_model_path=qref.bundled("digits_cnn_float"),
    ...     debug_dataset=lambda: ([x] for x in samples),
    ... )
    >>> debugger.run()
    >>> len(debugger.layer_statistics)
    9
    """

    def __init__(
        self,
        quant_debug_model_path: str | os.PathLike[str] | None = None,
        quant_debug_model_content: bytes | Model | None = None,
        float_model_path: str | os.PathLike[str] | None = None,
        float_model_content: bytes | Model | None = None,
        debug_dataset: Source | None = None,
        debug_options: QuantizationDebugOptions | None = None,
        converter: Any = None,
    ):
        if converter is not None:
            raise InputError(
                "qref needs no converter: give float_model_content (what converter.convert() gives without optimizations) and "
                "quant_debug_model_content (what it gives with them, or what qref.quantize makes of the float model)"
            )
        self._float_model = _model("float_model", float_model_path, float_model_content)
        self._given_model = _without_debug_operators(
            _model("quant_debug_model", quant_debug_model_path, quant_debug_model_content)
        )
        if debug_dataset is None:
            raise InputError("give debug_dataset: samples to compare the two models on")
        self._dataset = debug_dataset
        self.options = debug_options or QuantizationDebugOptions()

    @property
    def options(self) -> QuantizationDebugOptions:
        """What is measured; setting other options forgets what was measured with these."""
        return self._options

    @options.setter
    def options(self, options: QuantizationDebugOptions) -> None:
        self._options = options
        denied = options.denylisted_ops or (), options.denylisted_nodes or ()
        self._quantized: Model = (
            load(keep_float(self._float_model, self._given_model, *denied)) if any(denied) else self._given_model
        )
        self.layer_statistics: dict[str, dict[str, float]] | None = None
        self.model_statistics: dict[str, float] | None = None
        self.report: DebugReport | None = None

    def run(self) -> None:
        """Run both models on all samples and fill the statistics."""
        options = self._options
        self.report = debug(
            self._float_model,
            self._quantized,
            self._dataset,
            like="tflite",
            quantized_inputs=options.fully_quantize,
            metrics=Metrics(
                options.layer_debug_metrics or {}, options.layer_direct_compare_metrics or {}, options.model_debug_metrics or {}
            ),
        )
        self.layer_statistics = {
            f"{VERIFY}/{layer.tensor_name}:{layer.tensor_idx}": {
                **{name: float(value(layer)) for name, value in COLUMNS.items()},
                **layer.metrics,
            }
            for layer in self.report.quantized_layers
        }
        if options.model_debug_metrics:
            self.model_statistics = dict(self.report.model_metrics)

    def layer_statistics_dump(self, file: IO[str]) -> None:
        """Write the statistics of layers as CSV; before run(), only the names of the columns."""
        (self.report or DebugReport((), (), 0, {})).write_csv(file)

    def get_nondebug_quantized_model(self) -> bytes:
        """The quantized model, in which operators that options deny are those of the float model."""
        return write(self._quantized)


def _model(name: str, path: str | os.PathLike[str] | None, content: bytes | Model | None) -> Model:
    if (path is None) == (content is None):
        raise InputError(f"give either {name}_path or {name}_content, and not both")
    return content if isinstance(content, Model) else load(path if content is None else content)  # type: ignore[arg-type]


def _without_debug_operators(model: Model) -> Model:
    """A debug model of TensorFlow's without what is there only to compare."""
    if not any(operator.name == VERIFY for operator in model.subgraphs[0].operators):
        return model
    graphs = read(model)
    drop_unread(graphs[0])
    return assemble(model, graphs)
