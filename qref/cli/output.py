"""What the verbs share: tables and JSON on stdout or in a file, and files that are written whole or not at all."""

from __future__ import annotations

import json
import os
import pathlib
import sys
import tempfile
from collections.abc import Callable
from typing import IO, Any

from rich.console import Console
from rich.table import Table

from qref.errors import InputError


def write_atomically(path: pathlib.Path, write: Callable[[IO[bytes]], Any]) -> None:
    """Call write(file) on a temporary file beside `path`, then rename it: a failure leaves no half file and no old one harmed."""
    try:
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(descriptor, "wb") as file:
                write(file)
            os.chmod(temporary, 0o644)
            os.replace(temporary, path)
        except BaseException:
            os.unlink(temporary)
            raise
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror or error}") from None


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
