"""qref debug: what quantization does to each operator, the worst first, and likely causes."""

from __future__ import annotations

import io
import pathlib
from typing import Annotated

import typer
from rich import box
from rich.table import Table
from rich.text import Text

from qref.cli.output import print_json, print_table, printable, progress_bar
from qref.debugger.report import DebugReport
from qref.debugger.run import debug as run_debugger
from qref.debugger.statistics import EXPECTED, THRESHOLD, LayerStatistics
from qref.files import write_atomically

EXAMPLE = "Example: qref debug qref/models/digits_cnn_float.tflite qref/models/digits_cnn_int8.tflite --data digits.npy --top 3"
NAME = 48  # characters of a name that are printed


def debug(
    float_model: Annotated[pathlib.Path, typer.Argument(metavar="FLOAT_MODEL", help="The float .tflite file.")],
    quantized_model: Annotated[
        pathlib.Path, typer.Argument(metavar="QUANTIZED_MODEL", help="What was made of it, in any scheme or several.")
    ],
    data: Annotated[
        pathlib.Path,
        typer.Option(help="Samples for the float model: .npz (an array for each input), .npy, or a folder of .npy or images."),
    ],
    samples: Annotated[int | None, typer.Option(help="How many samples to take; all by default.")] = None,
    top: Annotated[int | None, typer.Option(help="Print so many layers, the worst first; else all in their order.")] = None,
    runtime: Annotated[str, typer.Option(help="Whose arithmetic: a runtime of qref.")] = "xnnpack",
    like: Annotated[
        str | None, typer.Option(help="tflite: measured as TensorFlow's debugger does, with states kept between samples.")
    ] = None,
    csv: Annotated[pathlib.Path | None, typer.Option(help="Write the table of TensorFlow's debugger.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON: everything that was measured.")] = False,
    output: Annotated[pathlib.Path | None, typer.Option("-o", "--output", help="Write the JSON to a file.")] = None,
) -> None:
    """Compare a quantized model with the float model it was made from, operator by operator.

    own: the error that an operator makes itself, fed with what it was fed; all: the error that has accumulated there. SNR is the
    signal-to-noise ratio; layers are ranked by their own. RMSE/scale is about 0.289 where 8 bits only round; above 0.7, marked !,
    a layer is suspected. Clipped is the share of elements outside of the range, used the share of the range that occurs.
    """
    with progress_bar("debugging") as progress:
        report = run_debugger(float_model, quantized_model, data, runtime=runtime, like=like, limit=samples, progress=progress)
    if csv is not None:
        text = io.StringIO(newline="")
        report.write_csv(text)
        write_atomically(csv, lambda file: file.write(text.getvalue().encode(errors="backslashreplace")))
    if json or output is not None:
        print_json(report.to_dict(), output)
    if not json:
        _print(report, top)


def _print(report: DebugReport, top: int | None) -> None:
    layers = report.quantized_layers if top is None else report.worst(top)
    print_table(_table(layers))
    suspected = sum(layer.suspected for layer in report.layers)
    print(f"{report.samples} samples; RMSE/scale is above {THRESHOLD} in {suspected} layers ({EXPECTED:.3f} is expected)")
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
