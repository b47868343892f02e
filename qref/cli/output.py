"""What the verbs share: tables and JSON on stdout or in a file."""

from __future__ import annotations

import json
import pathlib
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from rich import box
from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, SpinnerColumn, TextColumn
from rich.table import Table

from qref.files import write_atomically


def print_json(result: Any, output: pathlib.Path | None) -> None:
    """The result as JSON, on stdout or in a file."""
    text = json.dumps(result, indent=1)
    if output is None:
        print(text)
    else:
        write_atomically(output, lambda file: file.write((text + "\n").encode()))


def print_table(table: Table) -> None:
    """The table on stdout, its cells not read as markup: folded to the width of a terminal, one line a row elsewhere."""
    width = None if sys.stdout.isatty() else 10_000
    Console(file=sys.stdout, highlight=False, markup=False, emoji=False, width=width).print(table)


def printable(text: str, most: int = 200) -> str:
    r"""Text from a model, safe on a terminal: control characters and what Unicode does not print escaped, cut after `most`.

    >>> print(printable("a\x1b[31m b"), printable("x" * 1000, most=3))
    a\x1b[31m b xxx... (1,000 characters)
    """
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text[:most])
    return shown if len(text) <= most else f"{shown}... ({len(text):,} characters)"


def table_of(columns: Iterable[str], rows: Iterable[Iterable[str | int]]) -> Table:
    """A table of text from a model and of counts; columns whose name ends in ">" are aligned to the right."""
    made = Table(box=box.SIMPLE_HEAD)
    for column in columns:
        made.add_column(column.removesuffix(">"), justify="right" if column.endswith(">") else "left", overflow="fold")
    for row in rows:
        made.add_row(*(printable(cell) if isinstance(cell, str) else f"{cell:,}" for cell in row))
    return made


@contextmanager
def progress_bar(what: str) -> Iterator[Callable[[int], None]]:
    """A function that shows on stderr, if that is a terminal, how many samples are done."""
    columns = SpinnerColumn(), TextColumn("{task.description}"), MofNCompleteColumn()
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(what, total=None)
        yield lambda samples: progress.update(task, completed=samples)
