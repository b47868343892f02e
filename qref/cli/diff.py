"""qref diff: the first operator that differs between two runtimes or devices by itself, and the rule that explains it."""

from __future__ import annotations

import pathlib
from typing import Annotated

import typer
from rich import box
from rich.table import Table

from qref.cli.output import print_json, print_table
from qref.compare import diff as comparison
from qref.errors import BackendError

EXAMPLE = "Example: qref diff --between litert-reference xnnpack --rounds 8 qref/models/digits_cnn_int8.tflite"
MOST_SHOWN = 6  # differences of the histogram that are printed


def diff(
    models: Annotated[
        list[str], typer.Argument(metavar="MODEL_OR_DIR...", help="Files, or folders to search for .tflite files.")
    ],
    between: Annotated[
        tuple[str, str],
        typer.Option(
            metavar="A B",
            help="Each a runtime (litert-reference, litert-optimized, xnnpack, ...), live LiteRT (litert:reference, "
            "litert:optimized, litert:xnnpack), live TFLM (tflm:reference), or dumped tensors: an .npz or a folder of .npy, "
            ".raw, .bin, .csv, .txt and .hex files named by tensor name or index.",
        ),
    ],
    input: Annotated[
        list[pathlib.Path] | None,
        typer.Option("--input", help="As for `qref run`; without it, the dump's inputs, or else inputs drawn from --seed."),
    ] = None,
    rounds: Annotated[int, typer.Option(help="Drawn inputs, one invoke after the other.")] = 1,
    seed: Annotated[int, typer.Option(help="Seed of the first round's inputs.")] = 0,
    timeout: Annotated[float, typer.Option(help="Seconds that LiteRT or TFLM may take for one answer.")] = 300,
    verbose: Annotated[bool, typer.Option("--verbose", help="Print every operator and every hypothesis that helps.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON: every operator, every hypothesis that helps.")] = False,
    output: Annotated[pathlib.Path | None, typer.Option("-o", "--output", help="Write the JSON to a file.")] = None,
) -> None:
    """Name the first operator that differs by itself, and what explains it.

    Every operator is evaluated on the inputs that it had on the other side, so that its own difference is told from what it
    inherited. Then it is computed in other ways (rounding rules, missing zero points, swapped axes, ...) until one gives what
    was found. Exit status 0 if there is no difference, 1 if there is one.
    """
    a, b = between
    results = list(comparison.diff_models(models, a, b, inputs=input or (), rounds=rounds, seed=seed, timeout=timeout))
    if json or output is not None:
        print_json([result.to_dict() for result in results], output)
    if not json:
        if len(results) == 1:
            _print(results[0], verbose)
        else:
            print_table(_table(results))
            print(_summary(results))
    if all(result.reason for result in results):
        raise BackendError("no model could be compared")
    raise typer.Exit(1 if any(result.differs for result in results) else 0)


def _print(result: comparison.Diff, verbose: bool) -> None:
    """What matters first: the operator, then why, then all that differs."""
    print(_finding(result))
    if result.first is not None:
        print(_why(result))
        print(f"{result.b} - {result.a}: {_histogram(result.first)}")
    if result.missing:
        print(f"the dump lacks {_count(len(result.missing), 'tensor')}: {', '.join(map(str, result.missing))}")
    shown = [row for row in result.operators if row.mismatches or row.own or verbose]
    if shown:
        print_table(_operators(shown))
    if verbose and result.trials:
        print_table(_trials(result))


def _finding(result: comparison.Diff) -> str:
    """The sentence that says which operator is the first."""
    elements, differing = sum(row.elements for row in result.operators), sum(bool(row.mismatches) for row in result.operators)
    if result.first is not None:
        return f"{_who(result.first)}: {_share(result.first)}"
    if not differing:
        return f"no difference: {elements:,} elements of {len(result.operators)} operators are equal in every bit"
    unknown = next((row for row in result.operators if row.mismatches and row.own is None), None)
    if unknown is not None:
        text = "the first that differs; its inputs differ too, and no side can compute it on the other's"
        return f"operator {unknown.operator} ({unknown.name}) is {text}"
    return f"{_count(differing, 'operator')} differ, none by itself"


def _who(row: comparison.OperatorDifference) -> str:
    if len(row.span) > 1:
        return f"operators {row.span[0]} to {row.operator} together are the first that differ by themselves"
    return f"operator {row.operator} ({row.name}) is the first that differs by itself"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _share(row: comparison.OperatorDifference) -> str:
    return f"{row.own:,} of {row.elements:,} elements, tensor {row.tensor} ({row.tensor_name!r})"


def _why(result: comparison.Diff) -> str:
    """The sentence that says what explains the first operator."""
    if len(result.first.span) > 1:  # type: ignore[union-attr]
        return "the dump lacks the tensors between them, so that their rules cannot be told apart"
    if not result.trials:
        return "no rule or fault that was tried explains it"
    best, equal = result.trials[0], len(result.explanations) - 1
    appear = "none" if best.appear == 0 else f"{best.appear:,}"
    own = result.first.own  # type: ignore[union-attr]
    text = f"{result.explained}: {best.vanish:,} of {own:,} mismatches vanish with {best.name}, and {appear} appear"
    if best.also:
        text += f"\nthe same explains {_count(best.also, 'further operator')} of those that differ by themselves"
    if equal > 0:
        others = "another hypothesis explains" if equal == 1 else f"{equal} other hypotheses explain"
        text += f"\n{others} it as well (see --verbose); more --rounds may tell them apart"
    return text


def _histogram(row: comparison.OperatorDifference) -> str:
    """The most frequent differences, in LSB."""
    most = sorted(row.histogram, key=lambda pair: -pair[1])[:MOST_SHOWN]
    rest = sum(count for _, count in row.histogram) - sum(count for _, count in most)
    parts = [f"{difference:+d} LSB in {count:,}" for difference, count in sorted(most)]
    return ", ".join(parts) + (f", other differences in {rest:,}" if rest else "")


def _operators(rows: list[comparison.OperatorDifference]) -> Table:
    table = Table("operator", "tensor", box=box.SIMPLE_HEAD)
    for column in ("elements", "differ", "by itself"):
        table.add_column(column, justify="right")
    for row in rows:
        span = f"{row.operator} {row.name}" if len(row.span) == 1 else f"{row.span[0]} to {row.operator} {row.name}"
        own = "not known" if row.own is None else f"{row.own:,}"
        table.add_row(span, str(row.tensor), f"{row.elements:,}", f"{row.mismatches:,}", own)
    return table


def _trials(result: comparison.Diff) -> Table:
    table = Table("hypothesis", box=box.SIMPLE_HEAD)
    for column in ("vanish", "appear", "remain", "further operators"):
        table.add_column(column, justify="right")
    for trial in result.trials:
        table.add_row(trial.name, *(f"{n:,}" for n in (trial.vanish, trial.appear, trial.remain, trial.also)))
    return table


def _table(results: list[comparison.Diff]) -> Table:
    """A row for each model."""
    table = Table("model", box=box.SIMPLE_HEAD)
    table.add_column("operators that differ", justify="right")
    table.add_column("by themselves", justify="right")
    table.add_column("the first by itself", overflow="fold")
    table.add_column("mismatches", justify="right")
    table.add_column("explained by", overflow="fold")
    for result in results:
        first = result.first
        table.add_row(
            result.model,
            str(sum(bool(row.mismatches) for row in result.operators)),
            str(sum(bool(row.own) for row in result.operators)),
            result.reason if result.reason else "" if first is None else f"{first.operator} {first.name}",
            "" if first is None else f"{first.own:,} of {first.elements:,}",
            "" if first is None else _explained(result),
        )
    return table


def _explained(result: comparison.Diff) -> str:
    if not result.trials:
        return "nothing that was tried"
    best = result.trials[0]
    return best.name if best.remain == 0 else f"in part by {best.name}: {best.vanish:,} vanish, {best.appear:,} appear"


def _summary(results: list[comparison.Diff]) -> str:
    compared = [result for result in results if not result.reason]
    differing = [result for result in compared if result.differs]
    explained = sum(bool(result.explanations) for result in differing)
    text = f"{len(differing)} of {len(compared)} models differ; the first difference is explained in {explained} of them"
    failed = len(results) - len(compared)
    return text + (f"; {failed} could not be compared" if failed else "")
