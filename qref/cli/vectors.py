"""qref vectors: golden vectors of every operator of a model."""

from __future__ import annotations

import pathlib
from typing import Annotated, Any

import typer
from rich import box
from rich.table import Table

from qref.cli.output import print_json, print_table

EXAMPLE = "Example: qref vectors qref/models/digits_cnn_int8.tflite --op 0 --op 7 -o vectors"


def vectors(
    model: Annotated[pathlib.Path, typer.Argument(metavar="MODEL", help="The .tflite file.")],
    output: Annotated[pathlib.Path, typer.Option("-o", "--output", metavar="DIR", help="The folder to write.")],
    runtime: Annotated[str, typer.Option(help="Whose arithmetic.")] = "litert-reference",
    op: Annotated[list[int] | None, typer.Option("--op", help="Number of an operator, more than once for several; all.")] = None,
    format: Annotated[
        str, typer.Option(help="Which forms to write, of npz, c, hex, python; python needs npz.")
    ] = "npz,c,hex,python",
    seed: Annotated[int, typer.Option(help="Seed of all that is drawn.")] = 0,
    count: Annotated[int, typer.Option(help="Inputs drawn for the whole model, and for each operator by itself.")] = 4,
    input: Annotated[
        list[pathlib.Path] | None,
        typer.Option("--input", help="Inputs for the whole model as in qref run, instead of drawn ones."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace golden vectors that DIR holds.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the manifest instead of a table.")] = False,
) -> None:
    """Write golden vectors of every operator: inputs, outputs, accumulators, and every integer of the plan.

    "layer" cases are the values as they occur when the whole model runs; "unit" cases are built for the operator by itself, so
    that they hit rounding ties, both saturations, extreme accumulators and all corners of the padding. manifest.json says which
    corner cases are hit, how often, and why others cannot be. c/ compiles to a check of the reference kernels in it or of your
    own, hex/ holds $readmemh files with SystemVerilog benches, python/ a loader that needs NumPy alone.
    """
    from qref.vectors import Request, generate

    formats = tuple(name.strip() for name in format.split(",") if name.strip())
    request = Request(model, runtime, tuple(op or ()), formats, seed, count, tuple(input or ()))
    manifest = generate(request, output, force)
    if json:
        print_json(manifest, None)
    else:
        print_table(_table(manifest))
        for index, reason in manifest["left_away"].items():
            print(f"operator {index} is left away: {reason}")


def _table(manifest: dict[str, Any]) -> Table:
    table = Table(box=box.SIMPLE_HEAD)
    for column in ("operator", "unit", "layer"):
        table.add_column(column, justify="left" if column == "operator" else "right")
    for column in ("corner cases", "cannot be hit, or were not", "C", "hex"):
        table.add_column(column, overflow="fold")
    for entry in manifest["operators"]:
        missed = [target for target, hits in entry["coverage"].items() if not hits["unit"]]
        form = entry.get("hex", "")
        table.add_row(
            entry["id"],
            str(entry["cases"]["unit"]),
            str(entry["cases"]["layer"]),
            f"{len(entry['coverage']) - len(missed)} of {len(entry['coverage'])}",
            ", ".join(missed),
            entry.get("c", ""),
            form if isinstance(form, str) else f"{form['elements']:,} of {form['of']:,} elements",
        )
    return table
