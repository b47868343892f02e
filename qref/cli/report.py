"""qref report: all that is known of a quantized model, on one page that loads nothing."""

from __future__ import annotations

import pathlib
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn

from qref.cli.dataset import FROM_0_TO_1, SAMPLES, Pixels
from qref.cli.output import print_json
from qref.datasets import Images
from qref.errors import InputError
from qref.files import write_atomically
from qref.pictures import new_figure
from qref.report import Report
from qref.report import report as make

EXAMPLE = (
    "Example: qref report qref/models/digits_cnn_float.tflite qref/models/digits_cnn_int8.tflite --data digits.npy -o report.html"
)


def report(
    models: Annotated[
        list[pathlib.Path],
        typer.Argument(metavar="[FLOAT_MODEL] QUANTIZED_MODEL", help="The .tflite files; the quantized one last."),
    ],
    output: Annotated[pathlib.Path, typer.Option("-o", "--output", help="The page to write, an .html file.")],
    data: Annotated[pathlib.Path | None, typer.Option(help=SAMPLES)] = None,
    labels: Annotated[pathlib.Path | None, typer.Option(help="As for qref evaluate.")] = None,
    pixels: Pixels = FROM_0_TO_1,
    samples: Annotated[int | None, typer.Option(help="How many samples to debug with; all by default.")] = None,
    output_tensor: Annotated[
        str | None, typer.Option("--output-tensor", help="Name or position of the output to evaluate, where there are several.")
    ] = None,
    runtime: Annotated[str, typer.Option(help="Whose arithmetic.")] = "xnnpack",
    verify: Annotated[
        bool, typer.Option("--verify/--no-verify", help="Compare with each library that is installed, bit for bit.")
    ] = True,
    json: Annotated[bool, typer.Option("--json", help="Print all that the page is made of as JSON too.")] = False,
) -> None:
    """Write one page of HTML with all that is known of a quantized model; nothing in it is loaded from elsewhere.

    The graph with a color for each operator, a sortable table, the error of each operator and along the depth, histograms and
    channels, metrics and confusion matrices, exactness in each runtime, breaches of the 8-bit specification, and for each
    operator some elements explained step by step. Without a float model there are no errors, without data only structure,
    exactness and elements explained on drawn inputs. The same inputs give the same bytes.
    """
    if len(models) > 2:
        raise InputError(f"{len(models)} models are given; a report is of a quantized one, and the float one before it")
    new_figure(1, 1)  # tells of a missing matplotlib before anything is measured
    columns = SpinnerColumn(), TextColumn("{task.description}")
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("reading", total=None)
        made = make(
            models[-1],
            models[0] if len(models) == 2 else None,
            None if data is None else Images(data, pixels),
            labels,
            runtime=runtime,
            limit=samples,
            output=output_tensor,
            verify_with=None if verify else (),
            progress=lambda what, count: progress.update(task, description=f"{what} {count}"),
        )
        progress.update(task, description="drawing")
        text = made.to_html()
    write_atomically(output, lambda file: file.write(text.encode()))
    if json:
        print_json(made.to_dict(), None)
    else:
        print(_summary(made, output, len(text.encode())))


def _summary(made: Report, output: pathlib.Path, size: int) -> str:
    found = f"{output}: {size:,} bytes"
    if made.compared:
        found += f"; exact in {len(made.exact)} of {len(made.compared)} runtimes"
    if made.debugged is not None:
        suspected = {layer.operator for layer in made.debugged.layers if layer.suspected}
        found += f"; operators suspected on {made.samples} samples: {len(suspected)}"
    return found if not made.reason else f"{found}; structure alone, since the model could not be run in {made.runtime}"
