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
from rich.text import Text

from qref.files import write_atomically


def print_json(result: Any, output: pathlib.Path | None) -> None:
    """The result as JSON, on stdout or in a file."""
    text = json.dumps(result, indent=1)
    if output is None:
        print(text)
    else:
        write_atomically(output, lambda file: file.write((text + "\n").encode()))


def plain(text: str) -> Text:
    """Text from a file or a model for a table: no markup, and characters that could steer a terminal as escapes."""
    return Text("".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text))


def print_table(table: Table) -> None:
    """The table on stdout: folded to the width of a terminal, one line a row elsewhere."""
    Console(file=sys.stdout, highlight=False, width=None if sys.stdout.isatty() else 10_000).print(table)


@contextmanager
def counting(what: str) -> Iterator[Callable[..., None]]:
    """Progress on stderr, on a terminal only: a function to call with a count whose end is not known, and what is counted."""
    columns = SpinnerColumn(), TextColumn("{task.description}", markup=False), MofNCompleteColumn()
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(what, total=None)
        yield lambda count, what=what: progress.update(task, completed=count, description=plain(what).plain)
