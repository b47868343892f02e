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
from qref.runtimes.evidence import Evidence, compared, evidence

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
    elif markdown:
        print(as_markdown(rows, counts))
    else:
        _print(*_lines(rows, counts))


def table() -> list[dict[str, Any]]:
    """One row for each operator and types: by runtime, the rule, the runtime whose rule it is, and what was compared."""
    rows = []
    for operator, types in dict.fromkeys((operator, types) for operator, types, _ in evidence()):
        found = {name: _of(runtime, operator, types) for name, runtime in RUNTIMES.items()}
        rows.append({"operator": operator, "types": types, "runtimes": found})
    return rows


def as_markdown(rows: list[dict[str, Any]], counts: bool) -> str:
    """The rows of `table` as a Markdown table."""
    columns, lines = _lines(rows, counts)
    return "\n".join(f"| {' | '.join(line)} |" for line in (columns, ["---"] * len(columns), *lines))


def _lines(rows: list[dict[str, Any]], counts: bool) -> tuple[list[str], list[list[str]]]:
    cells = ([_cell(name, row["runtimes"][name], counts) for name in RUNTIMES] for row in rows)
    lines = [[row["operator"], row["types"], *each] for row, each in zip(rows, cells)]
    return ["operator", "types", *RUNTIMES], lines


def _of(runtime: Runtime, operator: str, types: str) -> dict[str, Any]:
    known = _known(runtime, operator, types)
    rule = None if known.refused else runtime.rule_of(operator, types)
    return {
        "rule": "" if rule is None else rule[0].text,
        "as": "" if rule is None else rule[1].name,
        "models": known.cases,
        "elements": known.elements,
        "mismatches": known.mismatches,
        "refused": known.refused,
    }


def _known(runtime: Runtime, operator: str, types: str) -> Evidence:
    """What was compared; a runtime that cannot be compared takes what is refused from the one with the same operators."""
    found = evidence().get((operator, types, runtime.name))
    if found is not None:
        return found
    nothing = Evidence(operator, types, runtime.name, refused="not among the operators that are compared")
    if runtime.name in compared():
        return nothing
    twins = (r for r in RUNTIMES.values() if r is not runtime and r.operators is runtime.operators)
    refused = any(_known(twin, operator, types).refused for twin in twins)
    return nothing if refused else Evidence(operator, types, runtime.name)


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
