"""qref analyze: what a model holds and asks for; two models compared."""

from __future__ import annotations

import pathlib
from typing import Annotated, Any

import typer

from qref.analyzer import SCHEMA_VERSION, Comparison, compare, side_by_side, tflite_report
from qref.analyzer import analyze as analyze_file
from qref.cli.analyze_text import print_analysis, print_comparison, print_structure
from qref.cli.output import print_json
from qref.errors import InputError

EXAMPLE = "Example: qref analyze qref/models/digits_cnn_int8.tflite"
STYLES = ("qref", "tflite")


def analyze(
    models: Annotated[list[pathlib.Path], typer.Argument(metavar="MODEL", help="The .tflite files.")],
    style: Annotated[
        str, typer.Option(help="tflite: the text of tf.lite.experimental.Analyzer, character by character.")
    ] = "qref",
    gpu_compatibility: Annotated[
        bool, typer.Option("--gpu-compatibility", help="With --style tflite: what TensorFlow says of the GPU delegate.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON, with every scale and zero point.")] = False,
    output: Annotated[pathlib.Path | None, typer.Option("-o", "--output", help="Write the JSON to a file.")] = None,
) -> None:
    """Print what a model holds: operators, tensors, scales, multiply-adds, memory, runtimes that take it, breaches of the
    8-bit specification.

    Several models are set side by side, with arrows against the first. Two are compared, operator by operator and tensor by
    tensor: exit status 1 if they differ. Models that qref cannot run, with unknown operators for instance, can be analyzed all
    the same.
    """
    if style not in STYLES:
        raise InputError(f"unknown style {style!r}; known: {', '.join(STYLES)}")
    if style == "tflite":
        if json or output is not None:
            raise InputError("--style tflite is text alone; leave it away for --json and -o")
        for path in models:
            print(tflite_report(path, gpu_compatibility=gpu_compatibility))
        return
    if gpu_compatibility:
        raise InputError("--gpu-compatibility goes with --style tflite")
    _own_style(models, json, output)


def _own_style(paths: list[pathlib.Path], json: bool, output: pathlib.Path | None) -> None:
    analyses = [analyze_file(path) for path in paths]
    found = compare(analyses[0].model, analyses[1].model) if len(analyses) == 2 else None
    if json or output is not None:
        described = [{"path": str(path)} | analysis.to_dict() for path, analysis in zip(paths, analyses)]
        rows = side_by_side(analyses)
        print_json(described[0] if len(paths) == 1 else _together(described, [row.to_dict() for row in rows], found), output)
    if not json:
        if len(paths) == 1:
            print_analysis(str(paths[0]), analyses[0])
        else:
            print_structure([str(path) for path in paths], side_by_side(analyses))
        if found is not None:
            print_comparison(found)
    raise typer.Exit(1 if found is not None and found.differs else 0)


def _together(models: list[dict[str, Any]], structure: list[dict[str, Any]], found: Comparison | None) -> dict[str, Any]:
    comparison = None if found is None else found.to_dict()
    return {"schema_version": SCHEMA_VERSION, "models": models, "structure": structure, "comparison": comparison}
