"""Post-training quantization: a float .tflite in, a quantized one out, each choice explained."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from qref.datasets import Source
from qref.errors import InputError, UnsupportedOperator
from qref.quantizer import lstm
from qref.quantizer.batch_norm import fold_batch_norm
from qref.quantizer.calibration import Calibration, digest, method_of
from qref.quantizer.calibrator import CalibrationStopped, calibrate, like_tflite
from qref.quantizer.fold_constants import fold_constants
from qref.quantizer.graph import Graph, Value, assemble, read
from qref.quantizer.prune import Pruned, prune
from qref.quantizer.recipe import Recipe, Rule
from qref.quantizer.rewrite import SCHEMES, Decision, quantize_graph
from qref.quantizer.scales import Range
from qref.schema import Model, TensorType, load, write

__all__ = [
    "SCHEMES",
    "Calibration",
    "CalibrationStopped",
    "Decision",
    "Pruned",
    "Quantized",
    "Recipe",
    "Rule",
    "calibrate",
    "fold_batch_norm",
    "method_of",
    "prune",
    "quantize",
    "quantize_model",
]

TYPES = {name: TensorType[name.upper()] for name in ("float32", "int8", "uint8", "int16")}


@dataclass(frozen=True, slots=True)
class Quantized:
    """A quantized model and why it is as it is.

    content      the bytes of the file
    decisions    of every tensor of the float model, by subgraph
    stays_float  operators that the scheme would have in integers but that stay float, each with the reason
    calibration  what was recorded for it; None where nothing was needed, or the model held its ranges already
    """

    content: bytes
    recipe: Recipe
    decisions: tuple[tuple[Decision, ...], ...]
    stays_float: tuple[str, ...]
    calibration: Calibration | None


def quantize(
    model: str | os.PathLike[str] | bytes | Model, scheme: str = "full_integer", *arguments: Any, **options: Any
) -> bytes:
    """The bytes of the quantized model; arguments as for quantize_model, which also tells why."""
    return quantize_model(model, scheme, *arguments, **options).content


def quantize_model(
    model: str | os.PathLike[str] | bytes | Model,
    scheme: str = "full_integer",
    representative_dataset: Source | None = None,
    *,
    recipe: Recipe | Mapping[str, Any] | str | os.PathLike[str] | None = None,
    per_axis: bool = True,
    integer_only: bool = False,
    inference_input_type: str = "float32",
    inference_output_type: str = "float32",
    denylisted_ops: Iterable[str] = (),
    denylisted_nodes: Iterable[str] = (),
    like: str | None = None,
    method: str = "minmax",
    calibration: Calibration | None = None,
    progress: Callable[[int], None] | None = None,
) -> Quantized:
    """Quantize a float model.

    scheme      float16: constants as float16. dynamic_range: integer weights, float activations. full_integer: int8 weights and
                activations. int16x8: int8 weights, int16 activations. What has no integer form stays float.
    representative_dataset   samples for full_integer and int16x8, in any of the forms of qref.datasets; not needed where the
                model holds recorded ranges, or a `calibration` is given
    recipe      instead of one scheme for all: see recipe.py
    per_axis    one scale for each channel of the weights, where the operator allows it; else one for each tensor
    integer_only             refuse operators that would stay float
    inference_input_type, inference_output_type   float32, int8, uint8 or int16
    denylisted_ops, denylisted_nodes   builtin names, and names of outputs, of operators that stay float
    like        "tflite": with the flaws of TFLiteConverter's calibration
    method      how ranges are found: minmax, moving_average[:MOMENTUM], percentile[:PERCENT], mse, entropy
    progress    called with the number of samples that calibration has done
    Raises InputError for what does not fit, UnsupportedOperator where integer_only cannot be kept.
    """
    source = model if isinstance(model, Model) else load(model)
    plan = (Recipe(scheme, per_axis=per_axis) if recipe is None else Recipe.of(recipe)).denying(denylisted_ops, denylisted_nodes)
    graphs = read(source)
    for graph in graphs:
        fold_constants(source, graph)
    plan.check(graphs)
    ends = [_type(name) for name in (inference_input_type, inference_output_type)]
    ranges: list[dict[Value, Range]] = [{} for _ in graphs]
    if plan.uses("full_integer", "int16x8"):
        _expect_float(source)
        for graph in graphs:
            lstm.add_intermediates(graph)
        if calibration is None and representative_dataset is not None:
            calibration = calibrate(source, representative_dataset, method=method_of(method), like=like, progress=progress)
        ranges = _recorded(source, graphs) if calibration is None else _calibrated(source, graphs, calibration)
    outcomes = [
        quantize_graph(graph, plan.treatment, found, *(ends if number == 0 else ()))
        for number, (graph, found) in enumerate(zip(graphs, ranges))
    ]
    stays = tuple(
        f"{f'subgraph {number}, ' if number else ''}{node}: {reason}"
        for number, outcome in enumerate(outcomes)
        for node, reason in outcome.hindered.items()
    )
    if integer_only and stays:
        raise UnsupportedOperator(f"{len(stays)} operators cannot compute with integers only: {'; '.join(stays)}")
    content = write(assemble(source, graphs))
    return Quantized(content, plan, tuple(tuple(outcome.decisions) for outcome in outcomes), stays, calibration)


def _type(name: str) -> TensorType:
    if name not in TYPES:
        raise InputError(f"{name!r} is no type of an input or output; it is one of {', '.join(TYPES)}")
    return TYPES[name]


def _expect_float(model: Model) -> None:
    for subgraph in model.subgraphs:
        for tensor in subgraph.tensors:
            if tensor.quantization is not None and len(tensor.quantization.scale):
                raise InputError(f"tensor {tensor.index} ({tensor.name}) is quantized already; give the float model")


def _calibrated(model: Model, graphs: list[Graph], calibration: Calibration) -> list[dict[Value, Range]]:
    """The ranges that a calibration of this model found."""
    if calibration.model != digest(model):
        raise InputError("the calibration was made for another model; calibrate this one")
    ranges = calibration.ranges(graphs)
    return like_tflite(graphs, ranges) if calibration.like == "tflite" else ranges


def _recorded(model: Model, graphs: list[Graph]) -> list[dict[Value, Range]]:
    """The ranges that the file holds, as the converter's calibrate-only output does."""
    found: list[dict[Value, Range]] = []
    for subgraph, graph in zip(model.subgraphs, graphs):
        quantizations = {
            t.index: t.quantization for t in subgraph.tensors if t.quantization is not None and len(t.quantization.min)
        }
        values = [value for value in graph.values() if value.index in quantizations and value.data is None]
        pairs = [(value, quantizations[value.index]) for value in values]  # type: ignore[index]
        found.append({value: Range(float(q.min[0]), float(q.max[0])) for value, q in pairs})
    if not any(found) and any(v.type == TensorType.FLOAT32 and v.data is None for graph in graphs for v in graph.values()):
        raise InputError("integer activations need a representative_dataset: the model holds no recorded ranges")
    return found
