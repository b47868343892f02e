"""qref runtimes: which rule each runtime applies to each operator, and how that is known."""

from __future__ import annotations

import pathlib
from typing import Annotated, Any

import typer
from rich import box
from rich.table import Table

from qref.cli.output import print_json, print_table
from qref.errors import InputError
from qref.runtimes import RUNTIMES
from qref.runtimes.evidence import evidence

EXAMPLE = "Example: qref runtimes --op ADD"


def runtimes(
    op: Annotated[str | None, typer.Option("--op", help="Only this operator, as in CONV_2D.")] = None,
    counts: Annotated[bool, typer.Option("--counts", help="How much was compared, instead of the rules.")] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print a Markdown table.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON: rules and counts.")] = False,
    output: Annotated[pathlib.Path | None, typer.Option("-o", "--output", help="Write the JSON to a file.")] = None,
) -> None:
    """Print a table of operators and types: the rule of each runtime, or how many elements were compared with it."""
    rows = [row for row in table() if op is None or row["operator"] == op.upper()]
    if not rows:
        raise InputError(f"no operator {op!r} was compared; names are those of the schema, as in CONV_2D")
    if json or output is not None:
        print_json(rows, output)
    if not json:
        columns = ["operator", "types", *RUNTIMES]
        cells = [[row["operator"], row["types"], *(_cell(row["runtimes"][name], counts) for name in RUNTIMES)] for row in rows]
        if markdown:
            for line in (columns, ["---"] * len(columns), *cells):
                print(f"| {' | '.join(line)} |")
        else:
            _print(columns, cells)


def table() -> list[dict[str, Any]]:
    """One row for each operator and types: by runtime, the rule, whose rule it is, and what was compared."""
    recorded = evidence()
    rows = []
    for operator, types in dict.fromkeys((operator, types) for operator, types, _ in recorded):
        found = {}
        for name, runtime in RUNTIMES.items():
            rule, count = runtime.rule_of(operator, types), recorded.get((operator, types, name))
            found[name] = {
                "rule": None if rule is None else rule[0].text,
                "of": None if rule is None else rule[1].name,
                "same_as": None if rule is None or rule[1] is runtime else rule[1].name,
                "read_only": count is None,
                "models": 0 if count is None else count.cases,
                "elements": 0 if count is None else count.elements,
                "mismatches": 0 if count is None else count.mismatches,
            }
        rows.append({"operator": operator, "types": types, "runtimes": found})
    return rows


def _cell(found: dict[str, Any], counts: bool) -> str:
    if counts:
        return "read only" if found["read_only"] else f"{found['models']} / {found['elements']:,} / {found['mismatches']}"
    return f"as {found['same_as']}" if found["same_as"] else found["rule"] or ""


def _print(columns: list[str], cells: list[list[str]]) -> None:
    printed = Table(box=box.SIMPLE_HEAD)
    for column in columns:
        printed.add_column(column, overflow="fold")
    for row in cells:
        printed.add_row(*row)
    print_table(printed)
