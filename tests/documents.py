"""The code blocks of a document: read, and run one after the other in one folder.

    ```pycon     a Python session, as doctest runs it; the sessions of a document share their variables
    ```console   commands after "$ ", run by bash, each with what it prints on stdout below it, or nothing to leave that open;
                 "# exit status 1" behind a command says how it ends, if not with 0
    ```sh        what sets qref up: checked against the Makefile and pyproject.toml, not run
    ```text, ```json   no commands

In what is printed white space and the rules of tables count once, and "..." stands for anything.
"""

from __future__ import annotations

import contextlib
import doctest
import io
import os
import pathlib
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass

FENCE = re.compile(r"^```(\S*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
MATCHING = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
STATUS = re.compile(r"\s+# (?:.*: )?exit status (\d+)$")
RULE = re.compile("─+")


@dataclass(frozen=True)
class Block:
    language: str
    text: str
    line: int


@dataclass(frozen=True)
class Command:
    text: str
    status: int
    printed: str


def blocks(document: pathlib.Path) -> Iterator[Block]:
    text = document.read_text()
    for found in FENCE.finditer(text):
        yield Block(found[1], found[2], text.count("\n", 0, found.start()) + 1)


def commands(block: Block) -> Iterator[Command]:
    """What stands after each "$ ", continued by a backslash at the end of a line, and the lines up to the next."""
    for part in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
        lines = part.splitlines()
        end = next(i for i, line in enumerate(lines) if not line.endswith("\\")) + 1
        text = "\n".join(lines[:end])
        status = STATUS.search(text)
        yield Command(STATUS.sub("", text), int(status[1]) if status else 0, "\n".join(lines[end:]))


def run(document: pathlib.Path, folder: pathlib.Path) -> list[str]:
    """What went otherwise than the document says; `folder` is the current one."""
    variables: dict = {"__name__": "__main__"}
    failures = []
    for block in blocks(document):
        where = f"{document.name}:{block.line}"
        if block.language == "pycon":
            failures += _run_session(block, where, variables)
        elif block.language == "console":
            failures += [failure for command in commands(block) for failure in _run_command(command, where, folder)]
    return failures


def _run_session(block: Block, where: str, variables: dict) -> list[str]:
    session = doctest.DocTestParser().get_doctest(block.text, variables, where, where, block.line)
    session.globs = variables  # doctest works on a copy
    report = io.StringIO()
    failed = doctest.DocTestRunner(verbose=False, optionflags=MATCHING).run(session, out=report.write, clear_globs=False).failed
    return [report.getvalue()] if failed else []


def _run_command(command: Command, where: str, folder: pathlib.Path) -> list[str]:
    path = f"{pathlib.Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", command.text], cwd=folder, env={**os.environ, "PATH": path}, capture_output=True, text=True, timeout=300
    )
    if done.returncode != command.status:
        return [f"{where}: {command.text}\nends with {done.returncode}, not {command.status}\n{done.stdout}{done.stderr}"]
    want, got = (RULE.sub("─", text) for text in (command.printed, done.stdout))
    if want.strip() and not doctest.OutputChecker().check_output(want, got, MATCHING):
        return [f"{where}: {command.text}\nprints\n{done.stdout}\nnot\n{command.printed}"]
    return []


@contextlib.contextmanager
def like_a_clone(folder: pathlib.Path, root: pathlib.Path) -> Iterator[None]:
    """Make the folder look like a clone of the repository, whose files are reached by links, and work in it."""
    for name in ("qref", "examples", "benchmarks"):
        (folder / name).symlink_to(root / name)
    with contextlib.chdir(folder):
        yield
