"""The documents are true: their sessions and commands print what is shown there, and the site is built without a warning."""

from __future__ import annotations

import importlib
import importlib.util
import os
import pathlib
import re
import runpy
import shutil
import subprocess
import sys
import tomllib

import documents
import pytest
import typer.main

from qref.cli import app
from qref.cli.runtimes import as_markdown, table

ROOT = pathlib.Path(__file__).parent.parent
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
LANGUAGES = {"pycon", "console", "sh", "text", "json", "c"}

MISSING = [name for name in ("ai_edge_litert", "tflite_micro", "sklearn") if importlib.util.find_spec(name) is None]
MISSING += [] if shutil.which("gcc") else ["gcc"]  # for the golden vectors in C

each_document = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
needs_mkdocs = pytest.mark.skipif(importlib.util.find_spec("mkdocs") is None, reason="mkdocs is not installed")


def test_the_table_of_counts_is_what_the_command_prints():
    text = (ROOT / "docs" / "runtimes.md").read_text()
    assert text.endswith(f"<!-- qref runtimes --counts --markdown -->\n\n{as_markdown(table(), counts=True)}\n")


@pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}")
@each_document
def test_sessions_and_commands_print_what_is_shown(document, tmp_path):
    with documents.like_a_clone(tmp_path, ROOT):
        failures = documents.run(document, tmp_path)
    assert not failures, "\n".join(failures)


@each_document
def test_no_command_stands_where_it_would_not_be_run(document):
    text = document.read_text()
    assert {block.language for block in documents.blocks(document)} <= LANGUAGES
    prose = re.sub(r"^::: .*\n( {4}.*\n)*", "", documents.FENCE.sub("", text), flags=re.MULTILINE)
    assert "```" not in prose
    assert not re.search(r"^( {4}|\t|>>> )", prose, re.MULTILINE)
    for block in documents.blocks(document):
        if block.language in ("text", "json"):
            assert not re.search(r"^(\$|>>>|qref|make|pip|python) ", block.text, re.MULTILINE)


@each_document
def test_what_sets_up_is_there(document):
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    for line in "".join(block.text for block in documents.blocks(document) if block.language == "sh").splitlines():
        command = line.partition("#")[0].strip()
        install = re.fullmatch(r"pip install (?:\.|'\.\[([\w,]+)\]')", command)
        made = re.fullmatch(r"make (\w+)", command)
        assert command == ". .venv/bin/activate" or install or made, line
        assert not made or made[1] in targets
        assert not install or set((install[1] or "").split(",")) - {""} <= set(extras)


def test_a_wrong_document_is_found(tmp_path):
    text = """
```pycon
>>> x = 1
>>> x
2
```
```console
$ echo one
one
$ echo one
two
$ echo one \\
    two; false  # exit status 1
one two
$ true  # exit status 1
$ false
```
```pycon
>>> x
1
```
"""
    (tmp_path / "wrong.md").write_text(text)
    found = documents.run(tmp_path / "wrong.md", tmp_path)
    assert [re.sub(r"\s+", " ", failure) for failure in found[1:]] == [
        "wrong.md:7: echo one prints one not two",
        "wrong.md:7: true ends with 0, not 1 ",
        "wrong.md:7: false ends with 1, not 0 ",
    ]
    assert len(found) == 4


@needs_mkdocs
def test_the_site_is_built_without_a_warning_loads_nothing_from_elsewhere_and_has_all_that_is_public(tmp_path):
    shutil.rmtree(ROOT / "build" / "source", ignore_errors=True)  # as in a fresh clone
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path)]
    silent = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}  # a notice of the theme's about the future of mkdocs
    done = subprocess.run(command, cwd=ROOT, env=silent, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert not [line for line in done.stderr.splitlines() if not line.startswith("INFO")]
    pages = list(tmp_path.rglob("*.html"))
    assert len(pages) > 10
    for page in pages:
        assert not re.findall(r"<(?:script|img|iframe|source|link [^>]*rel=.?(?:style|pre|icon))[^>]*https?://", page.read_text())
    help_ = (tmp_path / "reference" / "commands.html").read_text()
    for command in typer.main.get_command(app).commands.values():
        assert all(option in help_ for parameter in command.params for option in parameter.opts if option.startswith("--"))
    assert not list(_public_but_not_in_the_reference(tmp_path / "reference"))


@needs_mkdocs
def test_docstrings_become_markdown():
    as_markdown = runpy.run_path(str(ROOT / "docs" / "docstrings.py"))["as_markdown"]
    text = "Sum.\n\na, b  numbers, or\n      arrays\nRaises InputError.\n\n>>> 1 + 1\n2"
    want = "Sum.\n\n- `a, b`: numbers, or\n  arrays\n\nRaises InputError.\n\n```pycon\n>>> 1 + 1\n2\n```"
    assert as_markdown(text) == want


def _public_but_not_in_the_reference(pages):
    """Functions and classes of the packages that have a page of their own."""
    for page in pages.glob("*.html"):
        package = importlib.import_module("qref" if page.stem in ("qref", "commands") else f"qref.{page.stem}")
        for name in getattr(package, "__all__", ()) if page.stem != "commands" else ():
            public = getattr(package, name)
            homes = (package.__name__, getattr(public, "__module__", ""))
            if callable(public) and not any(f'id="{home}.{name}"' in page.read_text() for home in homes):
                yield f"{package.__name__}.{name}"


@pytest.mark.skipif(importlib.util.find_spec("matplotlib") is None, reason="matplotlib is not installed")
def test_the_picture_is_what_its_script_draws(monkeypatch, tmp_path):
    import matplotlib

    drawn_with = re.search(r"^matplotlib==(.*)$", (ROOT / "constraints.txt").read_text(), re.MULTILINE)[1]
    if matplotlib.__version__ != drawn_with:
        pytest.skip(f"the picture was drawn with matplotlib {drawn_with}")
    script = runpy.run_path(str(ROOT / "docs" / "picture.py"))
    monkeypatch.setitem(script["main"].__globals__, "FOLDER", tmp_path)
    script["main"]()
    for theme in ("light", "dark"):
        name = f"picture-{theme}.svg"
        assert (tmp_path / name).read_bytes() == (ROOT / "docs" / name).read_bytes()
