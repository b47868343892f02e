"""qref quantize: a float model in, a quantized one out."""

from __future__ import annotations

import pathlib
import sys
from dataclasses import asdict
from typing import Annotated, Any

import typer
from rich import box
from rich.table import Table

from qref.analyzer.census import census
from qref.cli.dataset import FROM_0_TO_1, SAMPLES, Pixels
from qref.cli.output import print_json, print_table, progress_bar
from qref.datasets import Images
from qref.errors import InputError
from qref.files import write_atomically
from qref.quantizer import (
    SCHEMES,
    Calibration,
    CalibrationStopped,
    Pruned,
    Quantized,
    Recipe,
    calibrate,
    fold_batch_norm,
    method_of,
    prune,
    quantize_model,
)
from qref.schema import Model, load

EXAMPLE = "Example: qref quantize qref/models/digits_cnn_float.tflite --scheme dynamic_range -o digits_drq.tflite"


def quantize(
    model: Annotated[pathlib.Path, typer.Argument(metavar="FLOAT_MODEL", help="The float .tflite file.")],
    output: Annotated[pathlib.Path, typer.Option("-o", "--output", help="The quantized .tflite file to write.")],
    scheme: Annotated[str, typer.Option(help=f"One of {', '.join(SCHEMES)}.")] = "full_integer",
    recipe: Annotated[
        pathlib.Path | None,
        typer.Option(help="A JSON file: a scheme for all operators and rules for some; instead of --scheme."),
    ] = None,
    data: Annotated[pathlib.Path | None, typer.Option(help=f"What is representative. {SAMPLES}")] = None,
    pixels: Pixels = FROM_0_TO_1,
    samples: Annotated[int | None, typer.Option(help="How many samples to take; all by default.")] = None,
    method: Annotated[
        str, typer.Option(help="Ranges by minmax, moving_average[:MOMENTUM], percentile[:PERCENT], mse or entropy.")
    ] = "minmax",
    calibration: Annotated[
        pathlib.Path | None,
        typer.Option(help="Where ranges are kept (.npz): continued if there, written when done or stopped."),
    ] = None,
    input_type: Annotated[str, typer.Option(help="float32, int8, uint8 or int16.")] = "float32",
    output_type: Annotated[str, typer.Option(help="float32, int8, uint8 or int16.")] = "float32",
    per_tensor: Annotated[
        bool, typer.Option("--per-tensor", help="One scale for each tensor of weights, not for each channel.")
    ] = False,
    integer_only: Annotated[bool, typer.Option("--integer-only", help="Refuse operators that would stay float.")] = False,
    deny_op: Annotated[list[str] | None, typer.Option(help="An operator that stays float: SOFTMAX; may be repeated.")] = None,
    deny_node: Annotated[
        list[str] | None, typer.Option(help="The name of an output whose operator stays float; may be repeated.")
    ] = None,
    like: Annotated[str | None, typer.Option(help="tflite: with the flaws of TFLiteConverter's calibration.")] = None,
    fold: Annotated[
        bool, typer.Option("--fold-batch-norm", help="First make MUL and ADD after a convolution part of its weights and bias.")
    ] = False,
    pruning: Annotated[
        float | None, typer.Option("--prune", help="First make this share of the weights zero, the smallest of each tensor.")
    ] = None,
    explain: Annotated[
        list[str] | None, typer.Option(help="A tensor of the float model, by number or name: why it is stored as it is.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print everything that was decided as JSON.")] = False,
) -> None:
    """Quantize a float model: weights, and with full_integer and int16x8 activations too.

    Operators that have no integer form stay float; stderr names each with the reason. A recipe is
    {"scheme": S, "rules": [{"operators": REGEX, "names": REGEX, "scheme": S, "weight_bits": 8 or 4, "per_axis": true}, ...]}:
    the last rule that matches an operator's name and the name of one of its outputs decides.
    """
    source, pruned = _rewritten(load(model), fold, pruning)
    chosen = Recipe(scheme, per_axis=not per_tensor) if recipe is None else Recipe.of(recipe)
    recorded = None
    if data is not None and chosen.uses("full_integer", "int16x8"):
        recorded = _calibrate(source, Images(data, pixels), method, like, calibration, samples)
    elif calibration is not None:
        recorded = Calibration.load(calibration)
    result = quantize_model(
        source,
        recipe=chosen,
        integer_only=integer_only,
        inference_input_type=input_type,
        inference_output_type=output_type,
        denylisted_ops=deny_op or (),
        denylisted_nodes=deny_node or (),
        calibration=recorded,
    )
    write_atomically(output, lambda file: file.write(result.content))
    for line in result.stays_float:
        print(f"qref: stays float: {line}", file=sys.stderr)
    if json:
        print_json(_report(model, source, result, pruned), None)
    elif explain:
        _explain(result, explain)
    else:
        _print_pruned(pruned)
        print_table(_sizes(model, source, output, result))


def _rewritten(source: Model, fold: bool, pruning: float | None) -> tuple[Model, list[Pruned]]:
    """The model as it is quantized, and what was pruned."""
    source = fold_batch_norm(source) if fold else source
    return (source, []) if pruning is None else prune(source, pruning)


def _print_pruned(pruned: list[Pruned]) -> None:
    for entry in pruned:
        print(f"{entry.name}: {entry.zeros:,} of {entry.elements:,} weights are zero, before {entry.zeros_before:,}")


def _calibrate(
    source: Model, data: Images, method: str, like: str | None, kept: pathlib.Path | None, limit: int | None
) -> Calibration:
    before = Calibration.load(kept) if kept is not None and kept.exists() else None
    with progress_bar("calibrating") as progress:
        try:
            found = calibrate(source, data, method=method_of(method), like=like, resume=before, limit=limit, progress=progress)
        except CalibrationStopped as stopped:
            if kept is not None and stopped.calibration.samples:
                stopped.calibration.save(kept)
                raise InputError(f"{stopped}; what was recorded before is in {kept}") from None
            raise
    if kept is not None:
        found.save(kept)
    return found


def _report(path: pathlib.Path, source: Model, result: Quantized, pruned: list[Pruned]) -> dict[str, Any]:
    return {
        "recipe": result.recipe.to_dict(),
        "samples": 0 if result.calibration is None else result.calibration.samples,
        "bytes": {"float": path.stat().st_size, "quantized": len(result.content)},
        "tensors": {"float": census(source), "quantized": census(load(result.content))},
        "stays_float": list(result.stays_float),
        "pruned": [asdict(entry) for entry in pruned],
        "subgraphs": [[asdict(decision) for decision in decisions] for decisions in result.decisions],
    }


def _sizes(path: pathlib.Path, source: Model, output: pathlib.Path, result: Quantized) -> Table:
    table = Table("model", "bytes", "of float", "operators", "tensors", box=box.SIMPLE_HEAD)
    quantized, whole = load(result.content), path.stat().st_size
    for name, model, size in ((path, source, whole), (output, quantized, len(result.content))):
        operators = sum(len(subgraph.operators) for subgraph in model.subgraphs)
        tensors = ", ".join(f"{count} {kind}" for kind, count in census(model).items())
        table.add_row(str(name), f"{size:,}", f"{size / whole:.2f}", str(operators), tensors)
    return table


def _explain(result: Quantized, wanted: list[str]) -> None:
    decisions = [decision for subgraph in result.decisions for decision in subgraph]
    for key in wanted:
        found = [d for d in decisions if key in (str(d.tensor), d.name)]
        if not found:
            raise InputError(f"nothing was decided of a tensor {key!r}; it stays as it was, or the model has none of that name")
        for d in found:
            seen = "a constant" if d.range is None else f"range {d.range.min:.9g} to {d.range.max:.9g}"
            print(f"tensor {d.tensor} ({d.name}): {seen}\n    {d.stored}\n    {d.reason}")
