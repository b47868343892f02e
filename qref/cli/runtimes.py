"""qref runtimes: which rule each runtime applies to each operator, and how that is known."""

from __future__ import annotations

import pathlib
from typing import Annotated, Any

import typer
from rich import box
from rich.table import Table

from qref.cli.output import print_json, print_table
from qref.errors import InputError
from qref.runtimes import RUNTIMES, Runtime
from qref.runtimes.evidence import Evidence, evidence

EXAMPLE = "Example: qref runtimes --op ADD"


def runtimes(
    op: Annotated[str | None, typer.Option("--op", help="Only this operator, as in CONV_2D.")] = None,
    counts: Annotated[bool, typer.Option("--counts", help="How much was compared, instead of the rules.")] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print a Markdown table.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON: rules and counts.")] = False,
    output: Annotated[pathlib.Path | None, typer.Option("-o", "--output", help="Write the JSON to a file.")] = None,
) -> None:
    """Print a table of operators and types: the rule of each runtime, or what was compared with it.

    With --counts a cell is models / elements / elements that differ; "read only" where a rule is known from sources alone, and
    "-" where a runtime has no such operator. Types are those of the inputs, as in int8xint4.
    """
    rows = [row for row in table() if op is None or row["operator"] == op.upper()]
    if not rows:
        raise InputError(f"no operator {op!r} was compared; names are those of the schema, as in CONV_2D")
    if json or output is not None:
        print_json(rows, output)
    if not json:
        columns = ["operator", "types", *RUNTIMES]
        cells = [
            [row["operator"], row["types"], *(_cell(name, row["runtimes"][name], counts) for name in RUNTIMES)] for row in rows
        ]
        if markdown:
            for line in (columns, ["---"] * len(columns), *cells):
                print(f"| {' | '.join(line)} |")
        else:
            _print(columns, cells)


def table() -> list[dict[str, Any]]:
    """One row for each operator and types: by runtime, the rule, the runtime whose rule it is, and what was compared."""
    rows = []
    for operator, types in dict.fromkeys((operator, types) for operator, types, _ in evidence()):
        found = {name: _of(runtime, operator, types) for name, runtime in RUNTIMES.items()}
        rows.append({"operator": operator, "types": types, "runtimes": found})
    return rows


def _of(runtime: Runtime, operator: str, types: str) -> dict[str, Any]:
    known = evidence().get((operator, types, runtime.name), Evidence(operator, types, runtime.name))
    absent = runtime.operators is not None and operator not in runtime.operators
    rule = None if absent or known.refused else runtime.rule_of(operator, types)
    return {
        "rule": "" if rule is None else rule[0].text,
        "as": "" if rule is None else rule[1].name,
        "models": known.cases,
        "elements": known.elements,
        "mismatches": known.mismatches,
        "refused": known.refused or ("no such operator" if absent else ""),
    }


def _cell(name: str, found: dict[str, Any], counts: bool) -> str:
    if found["refused"]:
        return "-"
    if counts:
        return f"{found['models']} / {found['elements']:,} / {found['mismatches']:,}" if found["models"] else "read only"
    return found["rule"] if found["as"] == name else f"as {found['as']}"


def _print(columns: list[str], cells: list[list[str]]) -> None:
    printed = Table(box=box.SIMPLE_HEAD)
    for column in columns:
        printed.add_column(column, overflow="fold")
    for row in cells:
        printed.add_row(*row)
    print_table(printed)
