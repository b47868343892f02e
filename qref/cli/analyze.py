"""qref analyze: the operators, tensors, types and quantization parameters of a model."""

from __future__ import annotations

import pathlib
from typing import Annotated, Any

import numpy as np
import typer
from rich import box
from rich.table import Table

from qref.cli.output import print_json, print_table
from qref.schema import Model, Operator, Quantization, Subgraph, Tensor, load

EXAMPLE = "Example: qref analyze qref/models/digits_cnn_int8.tflite"


def analyze(
    model: Annotated[pathlib.Path, typer.Argument(metavar="MODEL", help="The .tflite file.")],
    json: Annotated[bool, typer.Option("--json", help="Print JSON, with every scale and zero point.")] = False,
    output: Annotated[pathlib.Path | None, typer.Option("-o", "--output", help="Write the JSON to a file.")] = None,
) -> None:
    """Print the operators and tensors of a model, with types and quantization parameters.

    Models that qref cannot run, with unknown operators for instance, can be analyzed all the same.
    """
    loaded = load(model)
    if json or output is not None:
        print_json(describe(loaded), output)
    if not json:
        for subgraph in loaded.subgraphs:
            operators, tensors = len(subgraph.operators), len(subgraph.tensors)
            print(f"subgraph {subgraph.index} {subgraph.name!r}: {operators} operators, {tensors} tensors")
            print_table(_operators(subgraph))
            print_table(_tensors(loaded, subgraph))


def describe(model: Model) -> dict[str, Any]:
    """The model as plain values."""
    return {
        "description": model.description,
        "subgraphs": [
            {
                "name": subgraph.name,
                "inputs": list(subgraph.inputs),
                "outputs": list(subgraph.outputs),
                "operators": [_operator(operator) for operator in subgraph.operators],
                "tensors": [_tensor(model, tensor) for tensor in subgraph.tensors],
            }
            for subgraph in model.subgraphs
        ],
        "signatures": [{"key": s.key, "inputs": dict(s.inputs), "outputs": dict(s.outputs)} for s in model.signatures],
    }


def _operator(operator: Operator) -> dict[str, Any]:
    options = operator.options if operator.options.values else operator.options_2
    return {
        "index": operator.index,
        "name": operator.name,
        "version": operator.version,
        "inputs": list(operator.inputs),
        "outputs": list(operator.outputs),
        "options": {name: value for name, value in options.values.items() if isinstance(value, int | float | str | bool)},
    }


def _tensor(model: Model, tensor: Tensor) -> dict[str, Any]:
    quantization = tensor.quantization
    return {
        "index": tensor.index,
        "name": tensor.name,
        "type": tensor.type.name,
        "shape": list(tensor.shape),
        "constant_bytes": _constant_bytes(model, tensor),
        "variable": tensor.is_variable,
        "scales": [] if quantization is None else [float(s) for s in quantization.scale],
        "zero_points": [] if quantization is None else [int(z) for z in quantization.zero_point],
        "quantized_dimension": 0 if quantization is None else quantization.quantized_dimension,
    }


def _constant_bytes(model: Model, tensor: Tensor) -> int:
    return len(model.buffers[tensor.buffer].data)


def _operators(subgraph: Subgraph) -> Table:
    table = Table("#", "operator", "version", "inputs", "outputs", "types", box=box.SIMPLE_HEAD)
    for operator in subgraph.operators:
        types = [subgraph.tensors[i].type.name if i >= 0 else "-" for i in operator.inputs]
        results = [subgraph.tensors[i].type.name for i in operator.outputs if i >= 0]
        table.add_row(
            str(operator.index),
            operator.name,
            str(operator.version),
            " ".join(map(str, operator.inputs)),
            " ".join(map(str, operator.outputs)),
            f"{' '.join(types)} -> {' '.join(results)}",
        )
    return table


def _tensors(model: Model, subgraph: Subgraph) -> Table:
    table = Table("#", "tensor", "type", "shape", "bytes", "scale", "zero point", "role", box=box.SIMPLE_HEAD)
    for tensor in subgraph.tensors:
        size = _constant_bytes(model, tensor)
        table.add_row(
            str(tensor.index),
            tensor.name,
            tensor.type.name,
            str(list(tensor.shape)),
            f"{size:,}" if size else "",
            *_quantization(tensor.quantization),
            _role(subgraph, tensor, size),
        )
    return table


def _quantization(quantization: Quantization | None) -> tuple[str, str]:
    if quantization is None or not quantization.scale.size:
        return "", ""
    scale, zero_point = quantization.scale, quantization.zero_point
    if scale.size == 1:
        return f"{scale[0]:.9g}", str(int(zero_point[0])) if zero_point.size else "0"
    zeros = sorted({int(z) for z in zero_point})
    scales = f"{np.min(scale):.4g} to {np.max(scale):.4g}, {scale.size} along axis {quantization.quantized_dimension}"
    return scales, " to ".join(str(z) for z in sorted({zeros[0], zeros[-1]})) if zeros else "0"


def _role(subgraph: Subgraph, tensor: Tensor, constant_bytes: int) -> str:
    roles = (
        ("input", tensor.index in subgraph.inputs),
        ("output", tensor.index in subgraph.outputs),
        ("constant", constant_bytes > 0),
        ("variable", tensor.is_variable),
    )
    return ", ".join(name for name, holds in roles if holds)
