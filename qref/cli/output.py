"""What the verbs share: tables and JSON on stdout or in a file."""

from __future__ import annotations

import json
import pathlib
import sys
from typing import Any

from rich.console import Console
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
