"""What mkdocs does besides: where mkdocstrings finds the packages, and the page of commands from their own help."""

from __future__ import annotations

import pathlib
import shutil
from typing import Any

import click
import typer.main

from qref.cli import app

ROOT = pathlib.Path(__file__).parent.parent
PACKAGES = {"qref": "qref", "schema": "qref/schema", "kernels": "qref/kernels"}  # from the top level to where they are imported


def on_startup(**rest: Any) -> None:
    """Lay out the packages in build/source as they are installed, before mkdocstrings looks there; it does not follow links."""
    source = ROOT / "build" / "source"
    shutil.rmtree(source, ignore_errors=True)
    for folder, package in PACKAGES.items():
        shutil.copytree(ROOT / folder, source / package, ignore=shutil.ignore_patterns("__pycache__"))


def on_page_markdown(markdown: str, page: Any, **rest: Any) -> str:
    """Put every verb's help into the page of commands."""
    return (
        markdown.replace("<!-- every verb's help -->", "\n".join(_verbs()))
        if page.file.src_uri.endswith("commands.md")
        else markdown
    )


def _verbs() -> list[str]:
    group = typer.main.get_command(app)
    context = group.make_context("qref", [], resilient_parsing=True)
    shown = []
    for name, command in group.commands.items():  # type: ignore[attr-defined]
        help_ = command.get_help(click.Context(command, info_name=name, parent=context, terminal_width=80, max_content_width=80))
        shown.append(f"## qref {name}\n\n```text\n{help_}\n```\n")
    return shown
