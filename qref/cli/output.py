"""What the verbs share: tables and JSON on stdout or in a file."""

from __future__ import annotations

import json
import pathlib
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

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
    """The table on stdout: folded to the width of a terminal, one line a row elsewhere."""
    Console(file=sys.stdout, highlight=False, width=None if sys.stdout.isatty() else 10_000).print(table)


def visible(text: str, most: int) -> str:
    """Text from a file with its control characters written out, at most so many characters of it."""
    shown = "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text[:most])
    return shown if len(text) <= most else f"{shown}..."


@contextmanager
def progress_bar(what: str) -> Iterator[Callable[[int], None]]:
    """A function that shows on stderr, if that is a terminal, how many samples are done."""
    columns = SpinnerColumn(), TextColumn("{task.description}"), MofNCompleteColumn()
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(what, total=None)
        yield lambda samples: progress.update(task, completed=samples)
