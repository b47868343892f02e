"""qref verify: models run by qref and by LiteRT or TFLM, every tensor compared in every bit."""

from __future__ import annotations

import pathlib
from typing import Annotated, Any

import typer
from rich import box
from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, SpinnerColumn, TextColumn
from rich.table import Table

from qref.cli.output import print_json, print_table
from qref.compare import verify as comparison
from qref.errors import BackendError

EXAMPLE = "Example: qref verify qref/models --rounds 3"


def verify(
    models: Annotated[
        list[str], typer.Argument(metavar="MODEL_OR_DIR...", help="Files, or folders to search for .tflite files.")
    ],
    runtime: Annotated[
        str, typer.Option(help="Whose arithmetic qref uses; LiteRT runs the matching kernel set, TFLM its own.")
    ] = "litert-reference",
    rounds: Annotated[int, typer.Option(help="Inputs tried per model, one after the other.")] = 2,
    seed: Annotated[int, typer.Option(help="Seed of the first round's inputs.")] = 0,
    timeout: Annotated[float, typer.Option(help="Seconds that LiteRT or TFLM may take for one model.")] = 300,
    json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
    output: Annotated[pathlib.Path | None, typer.Option("-o", "--output", help="Write the JSON to a file.")] = None,
) -> None:
    """Compare every tensor of models with LiteRT, or with TFLM, bit for bit.

    The library runs in a process of its own: where it refuses a model or aborts, the row says so. Exit status 0 if no model
    differs or fails and at least one could be compared, 1 if one differs, 3 if qref could not run one that the library
    runs, 4 if it could run none. --runtime all takes the runtimes whose library is installed.
    """
    results = []
    runtimes = comparison.installed_runtimes() or list(comparison.KERNEL_SET_OF) if runtime == "all" else [runtime]
    total = len(comparison.find_models(models)) * len(runtimes)
    with Progress(
        SpinnerColumn(), TextColumn("{task.description}"), MofNCompleteColumn(), console=Console(stderr=True), transient=True
    ) as progress:
        task = progress.add_task("comparing", total=total)
        for name in runtimes:
            for result in comparison.verify(models, name, rounds, seed, timeout):
                results.append(result)
                progress.advance(task)
    if json or output is not None:
        print_json([result.to_dict() for result in results], output)
    if not json:
        print_table(_matrix(results, runtimes) if runtime == "all" else _table(results))
        if runtime == "all":
            for result in results:
                if result.reason:
                    print(f"{result.model}, {result.runtime}: {result.reason}")
        print(_summary(results))
    raise typer.Exit(_status(results))


def _table(results: list[comparison.Verification]) -> Table:
    table = Table(box=box.SIMPLE_HEAD)
    for column, justify in (
        ("model", "left"),
        ("runtime", "left"),
        ("operators", "right"),
        ("tensors", "right"),
        ("elements", "right"),
    ):
        table.add_column(column, justify=justify, overflow="fold")  # type: ignore[arg-type]
    table.add_column("mismatches", justify="right")
    table.add_column("first difference, or why there is no result", overflow="fold")
    for result in results:
        ran = result.status in ("exact", "differs")
        counts: list[Any] = [result.tensors, result.elements, result.mismatches] if ran else ["", "", result.status]
        table.add_row(
            result.model,
            result.runtime,
            f"{result.operators:,}",
            *(f"{n:,}" if isinstance(n, int) else n for n in counts),
            result.reason if result.first is None else str(result.first),
        )
    return table


def _matrix(results: list[comparison.Verification], runtimes: list[str]) -> Table:
    """A row for each model, a column for each runtime."""
    table = Table("model", *runtimes, box=box.SIMPLE_HEAD)
    of = {(result.model, result.runtime): result for result in results}
    for model in dict.fromkeys(result.model for result in results):
        table.add_row(model, *(_verdict(of[model, runtime]) for runtime in runtimes))
    return table


def _verdict(result: comparison.Verification) -> str:
    """One word, or the first operator that differs."""
    return result.status if result.first is None else f"{result.first.operator} {result.first.name}"


def _summary(results: list[comparison.Verification]) -> str:
    count = {status: sum(r.status == status for r in results) for status in ("exact", "differs", "failed", "refused")}
    compared = sum(r.elements for r in results)
    text = f"{count['exact']} of {len(results) - count['refused']} models are exact in every bit ({compared:,} elements compared)"
    for status, words in (("differs", "differ"), ("failed", "failed in qref"), ("refused", "refused by the library")):
        text += f", {count[status]} {words}" if count[status] else ""
    return text


def _status(results: list[comparison.Verification]) -> int:
    if any(r.status == "differs" for r in results):
        return 1
    if any(r.status == "failed" for r in results):
        return 3
    if all(r.status == "refused" for r in results):
        raise BackendError("the library ran none of the models: nothing was compared")
    return 0
