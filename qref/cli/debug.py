"""qref debug: what quantization does to each operator, the worst first, and likely causes."""

from __future__ import annotations

import io
import pathlib
from typing import Annotated, Any

import typer
from rich import box
from rich.table import Table
from rich.text import Text

from qref.cli.dataset import FROM_0_TO_1, SAMPLES, Pixels
from qref.cli.output import print_json, print_table, progress_bar
from qref.cli.suggestion import Labels, Metric, RecipePath, Representative, Scheme, Tries, print_suggestion
from qref.datasets import Images
from qref.debugger.report import DebugReport
from qref.debugger.run import debug as run_debugger
from qref.debugger.statistics import EXPECTED, THRESHOLD, LayerStatistics
from qref.debugger.suggest import suggest as search
from qref.errors import InputError
from qref.files import write_atomically
from qref.pictures import expect_picture, write_picture
from qref.report.figures import overview
from qref.text import printable

EXAMPLE = "Example: qref debug qref/models/digits_cnn_float.tflite qref/models/digits_cnn_int8.tflite --data digits.npy --top 3"
NAME = 48  # characters of a name that are printed


def debug(
    float_model: Annotated[pathlib.Path, typer.Argument(metavar="FLOAT_MODEL", help="The float .tflite file.")],
    data: Annotated[pathlib.Path, typer.Option(help=f"For the float model. {SAMPLES}")],
    quantized_model: Annotated[
        pathlib.Path | None,
        typer.Argument(
            metavar="[QUANTIZED_MODEL]", help="What was made of it, in any scheme or several; not needed with --suggest."
        ),
    ] = None,
    pixels: Pixels = FROM_0_TO_1,
    samples: Annotated[int | None, typer.Option(help="How many samples to debug with; all by default.")] = None,
    top: Annotated[int | None, typer.Option(help="Print so many layers, the worst first; else all in their order.")] = None,
    runtime: Annotated[str, typer.Option(help="Whose arithmetic: a runtime of qref.")] = "xnnpack",
    like: Annotated[
        str | None, typer.Option(help="tflite: measured as TensorFlow's debugger does, with states kept between samples.")
    ] = None,
    csv: Annotated[pathlib.Path | None, typer.Option(help="Write the table of TensorFlow's debugger.")] = None,
    suggest: RecipePath = None,
    scheme: Scheme = "full_integer",
    representative: Representative = None,
    labels: Labels = None,
    metric: Metric = None,
    tries: Tries = 400,
    plot: Annotated[
        pathlib.Path | None,
        typer.Option(metavar="FILE", help="Draw RMSE/scale and the error along the depth: .png, .svg or .pdf."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON: everything that was measured.")] = False,
    output: Annotated[pathlib.Path | None, typer.Option("-o", "--output", help="Write the JSON to a file.")] = None,
) -> None:
    """Compare a quantized model with the float model it was made from, operator by operator.

    own: the error that an operator makes itself, fed with what it was fed; all: the error that has accumulated there. SNR is the
    signal-to-noise ratio; layers are ranked by their own. RMSE/scale is about 0.289 where 8 bits only round; above 0.7, marked !,
    a layer is suspected. Clipped is the share of elements outside of the range, used the share of the range that occurs.

    --suggest quantizes the float model, tries operators in float and dynamic range, and writes the recipe for qref quantize that
    wins back most of what the metric lost, for the fewest bytes.
    """
    source = Images(data, pixels)
    results: dict[str, Any] = {}
    if quantized_model is None and suggest is None:
        raise InputError("give the quantized model, or --suggest RECIPE to search for a better one")
    if plot is not None:
        expect_picture(plot)
    if quantized_model is not None:
        with progress_bar("debugging") as progress:
            report = run_debugger(
                float_model, quantized_model, source, runtime=runtime, like=like, limit=samples, progress=progress
            )
        results |= report.to_dict()
        _write(report, csv, plot)
        if not json:
            _print(report, top)
    if suggest is not None:
        with progress_bar("searching") as progress:
            ranges = source if representative is None else Images(representative, pixels)
            options = {"metric": metric, "runtime": runtime, "most_tries": tries, "progress": progress}
            found = search(float_model, ranges, source, labels, scheme=scheme, **options)  # type: ignore[arg-type]
        results["suggestion"] = found.to_dict()
        print_json(found.recipe.to_dict(), suggest)
        if not json:
            print_suggestion(found)
    if json or output is not None:
        print_json(results, output)


def _write(report: DebugReport, csv: pathlib.Path | None, plot: pathlib.Path | None) -> None:
    if csv is not None:
        text = io.StringIO(newline="")
        report.write_csv(text)
        write_atomically(csv, lambda file: file.write(text.getvalue().encode(errors="backslashreplace")))
    if plot is not None:
        write_picture(overview(report), plot)


def _print(report: DebugReport, top: int | None) -> None:
    layers = report.quantized_layers if top is None else report.worst(top)
    print_table(_table(layers))
    suspected = sum(layer.suspected for layer in report.layers)
    print(f"{report.samples} samples; RMSE/scale is above {THRESHOLD} in {suspected} layers ({EXPECTED:.3f} is expected)")
    for layer in filter(lambda layer: layer.inside, layers):
        inside = ", ".join(f"{value.name} {_number(value.snr, '{:.1f} dB')}" for value in layer.inside)
        print(f"inside operator {layer.operator} ({printable(layer.op_name, NAME)}): {inside}")
    for layer in report.worst(3 if top is None else top):
        for cause in report.causes(layer):
            print(f"operator {layer.operator} ({printable(layer.op_name, NAME)}), {cause.kind}: {cause.seen}")
            print(f"    {cause.remedy}")
    for operator, reason in report.unaligned:
        print(printable(f"not compared: {operator}: {reason}", 200))


def _table(layers: list[LayerStatistics]) -> Table:
    table = Table("", "operator", "own SNR", "all SNR", "RMSE/scale", "clipped", "used", "tensor", box=box.SIMPLE_HEAD)
    for layer in layers:
        table.add_row(
            str(layer.operator),
            Text(printable(layer.op_name, NAME)),
            _number(layer.own.snr, "{:.1f} dB"),
            _number(layer.accumulated.snr, "{:.1f} dB"),
            _number(layer.rmse_per_scale, "{:.3f} !" if layer.suspected else "{:.3f}"),
            _number(layer.saturation_rate, "{:.2%}"),
            _number(layer.used_range, "{:.0%}"),
            Text(printable(layer.tensor_name, NAME)),
        )
    return table


def _number(value: float | None, form: str) -> str:
    return "" if value is None else form.format(value)
