"""The options of a search for what to keep in float, and how its suggestion is printed."""

from __future__ import annotations

import pathlib
from typing import Annotated

import typer
from rich import box
from rich.table import Table
from rich.text import Text

from qref.cli.output import print_table
from qref.debugger.suggest import Suggestion
from qref.debugger.trial import Place
from qref.text import printable

RecipePath = Annotated[
    pathlib.Path | None,
    typer.Option(metavar="RECIPE", help="Search what to keep in float or dynamic range; write the recipe (JSON)."),
]
Scheme = Annotated[str, typer.Option(help="With --suggest: of all other operators.")]
Representative = Annotated[
    pathlib.Path | None, typer.Option(help="With --suggest: samples that ranges are taken from. [default: those of --data]")
]
Labels = Annotated[
    pathlib.Path | None, typer.Option(help="With --suggest: of the samples, as for qref evaluate. [default: the float model]")
]
Metric = Annotated[
    str | None, typer.Option(help="With --suggest: what to win back, one of qref evaluate's. [default: by the labels]")
]
Tries = Annotated[int, typer.Option(help="With --suggest: how many models to measure at most.")]
NAME = 120  # characters of an operator's name that are printed
MOST_TRIES = 12  # that are printed


def print_suggestion(result: Suggestion) -> None:
    """The tries that gain most per byte, then the float model, the scheme alone, and the recipe."""
    if result.tries:
        print_table(_tries(result))
    print_table(_models(result))
    for place, scheme in result.changed:
        print(f"{scheme}: {_named(place)}")


def _tries(result: Suggestion) -> Table:
    table = Table("operators out of the scheme", box=box.SIMPLE_HEAD)
    for column in (result.metric, "loss won back", "bytes", "gain per KB"):
        table.add_column(column, justify="right")
    for entry in result.tries[:MOST_TRIES]:
        names = Text("\n+ ").join(Text(f"{_named(place)}: {scheme}") for place, scheme in entry.changed)
        numbers = f"{entry.value:.4g}", f"{entry.won_back:.1%}", f"{entry.bytes:+,}", f"{1000 * entry.gain_per_byte:.3g}"
        table.add_row(names, *numbers)
    return table


def _models(result: Suggestion) -> Table:
    table = Table("model", box=box.SIMPLE_HEAD)
    for column in (result.metric, "loss won back", "bytes", "operators out of the scheme"):
        table.add_column(column, justify="right")
    out = f"{len(result.changed)} of {result.operators}"
    for name, value, won_back, size, changed in (
        ("float", result.float_value, "", result.float_bytes, ""),
        (result.recipe.scheme, result.quantized_value, "", result.quantized_bytes, ""),
        ("suggested", result.value, f"{result.won_back:.1%}", result.bytes, out),
    ):
        table.add_row(name, f"{value:.4g}", won_back, f"{size:,}", changed)
    return table


def _named(place: Place) -> str:
    """The operator, and the end of its output's name, which converters join of many."""
    return printable(f"{place.operator} {place.output.rpartition(';')[2]}", NAME)
