"""qref evaluate: several models on one dataset, in one table."""

from __future__ import annotations

import pathlib
from typing import Annotated

import typer
from rich import box
from rich.table import Table
from rich.text import Text

from qref.cli.dataset import FROM_0_TO_1, SAMPLES, Pixels
from qref.cli.output import print_json, print_table, progress_bar
from qref.datasets import Images
from qref.evaluation import Evaluation, Row
from qref.evaluation import evaluate as judge
from qref.evaluation.metrics import title
from qref.text import printable

EXAMPLE = (
    "Example: qref evaluate qref/models/digits_cnn_float.tflite qref/models/digits_cnn_int8.tflite "
    "--data digits.npy --labels labels.csv"
)
NAME = 80  # characters of a name that are printed
DIGITS = {"snr": ".1f", "mean_absolute_error": ".4g", "root_mean_squared_error": ".4g", "max_error": ".4g"}


def evaluate(
    models: Annotated[
        list[pathlib.Path], typer.Argument(metavar="MODEL...", help="The .tflite files; the first is compared with.")
    ],
    data: Annotated[pathlib.Path, typer.Option(help=SAMPLES)],
    labels: Annotated[
        pathlib.Path | None,
        typer.Option(
            help="Classes, one-hot rows, probabilities or real values: .npy, .npz, .csv or .txt. Without them, models are "
            "compared with the first one only."
        ),
    ] = None,
    pixels: Pixels = FROM_0_TO_1,
    task: Annotated[
        str | None, typer.Option(help="classification or regression. [default: by the labels; real values mean regression]")
    ] = None,
    output: Annotated[
        str | None, typer.Option("--output-tensor", help="Name or position, where a model has several outputs.")
    ] = None,
    runtime: Annotated[str, typer.Option(help="Whose arithmetic.")] = "litert-reference",
    top_k: Annotated[int, typer.Option(help="Top-k accuracy; at most the number of classes but one.")] = 5,
    threshold: Annotated[
        float, typer.Option(help="Above it, an only output means class 1: 0.5 for probabilities, 0 for logits.")
    ] = 0.5,
    threads: Annotated[int, typer.Option(help="Of qref's kernels.")] = 1,
    confusion: Annotated[bool, typer.Option("--confusion", help="Print the confusion matrix of each model.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON, with the confusion matrices, instead of a table.")] = False,
    file: Annotated[pathlib.Path | None, typer.Option("-o", "--output", help="Write the JSON to a file.")] = None,
) -> None:
    """Run models on a dataset; print metrics of their task, and how far they agree with the first model.

    Arrows tell whether a number is above or below that of the first model, or the same (~) as printed. Precision, recall and F1
    are means over classes. Floats for a quantized input are quantized with its scale and zero point, quantized outputs
    dequantized; each sample starts from the initial state.
    """
    with progress_bar("evaluating") as progress:
        result = judge(
            models,
            Images(data, pixels),
            labels,
            task=task,
            output=output,
            runtime=runtime,
            top_k=top_k,
            threshold=threshold,
            num_threads=threads,
            progress=lambda _, count: progress(count),
        )
    if json or file is not None:
        print_json(result.to_dict(), file)
    if not json:
        print_evaluation(result, confusion)


def print_evaluation(result: Evaluation, confusion: bool = False) -> None:
    """The metrics with a column for each model, then the confusion matrices if asked for."""
    print_table(_metrics(result))
    for row in result.rows if confusion else ():
        if row.confusion:
            print_table(_confusion(row))


def _metrics(result: Evaluation) -> Table:
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column(f"{result.samples:,} outputs")
    for row in result.rows:
        table.add_column(Text(printable(row.model, NAME)), justify="right", overflow="fold")
    for name in dict.fromkeys(name for row in result.rows for name in row.metrics):
        values = [row.metrics.get(name) for row in result.rows]
        table.add_row(title(name), *_cells(values, DIGITS.get(name, ".3f")))
    table.add_row("bytes", *_cells([row.bytes for row in result.rows], ",.0f"))
    return table


def _cells(values: list[float | None] | list[int], digits: str) -> list[str]:
    """Numbers with arrows against the first, which has none where the others are measured against it."""
    first, *others = ("" if value is None else format(value, digits) for value in values)
    return [first, *(f"{text} {_arrow(text, first)}".rstrip() for text in others)]


def _arrow(text: str, first: str) -> str:
    if not text or not first or "nan" in (text, first):
        return ""
    if text == first:
        return "~"
    return "↑" if float(text.replace(",", "")) > float(first.replace(",", "")) else "↓"


def _confusion(row: Row) -> Table:
    table = Table("true, predicted:", title=Text(printable(row.model, NAME)), box=box.SIMPLE_HEAD)
    for predicted in range(len(row.confusion)):
        table.add_column(str(predicted), justify="right")
    for true, counts in enumerate(row.confusion):
        table.add_row(str(true), *(f"{count:,}" for count in counts))
    return table
