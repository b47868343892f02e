"""qref explain: one output element of one operator, step by step."""

from __future__ import annotations

import pathlib
from typing import Annotated

import typer
from rich import box
from rich.table import Table

from qref.cli.output import print_json, print_table
from qref.compare import explain as explanation
from qref.compare import explain_text as text
from qref.errors import InputError
from qref.files import write_atomically
from qref.inputs import inputs_of
from qref.pictures import expect_picture, write_picture
from qref.report.figures import number_line
from qref.schema import load

EXAMPLE = "Example: qref explain qref/models/digits_cnn_int8.tflite --op 3 --at 0,1,2,5"


def explain(
    model: Annotated[pathlib.Path, typer.Argument(metavar="MODEL", help="The .tflite file.")],
    op: Annotated[int, typer.Option("--op", help="The operator, by its number in `qref analyze`.")],
    at: Annotated[str, typer.Option("--at", help="The element of its output, as in 0,3,4,7.")],
    result: Annotated[int, typer.Option("--result", help="Which of the operator's outputs, 0 the first.")] = 0,
    input: Annotated[
        list[pathlib.Path] | None,
        typer.Option("--input", help="As for `qref run`; without it, inputs are drawn from --seed."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of drawn inputs.")] = 0,
    runtime: Annotated[str, typer.Option(help="Whose arithmetic.")] = "litert-reference",
    markdown: Annotated[bool, typer.Option("--markdown", help="Print Markdown with LaTeX formulas.")] = False,
    plot: Annotated[
        pathlib.Path | None, typer.Option(metavar="FILE", help="Draw the number line of the last rounding: .png, .svg or .pdf.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON: every step with its value and formula.")] = False,
    output: Annotated[pathlib.Path | None, typer.Option("-o", "--output", help="Write the JSON, or Markdown, to a file.")] = None,
) -> None:
    """Explain one output element: every tap, the accumulator, each rounding with the bits it drops, zero point, clamp.

    Then one line for each other runtime: what it makes of the same inputs.
    """
    if plot is not None:
        expect_picture(plot)
    loaded = load(model)
    explained = explanation.explain(loaded, op, _element(at), inputs_of(loaded, input or [], seed), runtime, result)
    if plot is not None:
        write_picture(number_line(explained), plot)
    if markdown:
        document = text.markdown(explained)
        if output is None:
            print(document)
        else:
            write_atomically(output, lambda file: file.write(document.encode()))
        return
    if json or output is not None:
        print_json(explained.to_dict(), output)
    if not json:
        _print(explained)


def _element(at: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in at.split(",") if part.strip())
    except ValueError:
        raise InputError(f"--at is {at!r}; expected integers with commas between them, as in 0,3,4,7") from None


def _print(explained: explanation.ElementExplanation) -> None:
    print(text.title(explained))
    for operand in explained.operands:
        print(f"  {text.operand(operand)}")
    for part in text.parts(explained.steps):
        if isinstance(part, text.TapTable):
            print_table(_taps(part))
    steps = _table("step", "value", "formula", "meaning")
    for step in explained.steps:
        value = "as above" if isinstance(step.value, tuple) else text.shown(step)
        steps.add_row(step.name, value, step.formula, step.meaning)
    print_table(steps)
    others = _table("other runtime", "result from the same inputs")
    for name, result in explained.others.items():
        others.add_row(name, text.number(result))
    print_table(others)


def _taps(taps: text.TapTable) -> Table:
    table = Table(box=box.SIMPLE_HEAD)
    for name in ("tap", *(step.name for step in taps.steps)):
        table.add_column(name, justify="right")
    for row in taps.rows():
        table.add_row(*row)
    return table


def _table(*columns: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD)
    for column in columns:
        table.add_column(column, overflow="fold")
    return table
