"""The worked examples of the documents give what is printed there."""

from __future__ import annotations

import doctest
import pathlib

import pytest

from qref.cli.runtimes import as_markdown, table

DOCUMENTS = sorted((pathlib.Path(__file__).parent.parent / "docs").glob("*.md"))


def test_the_table_of_counts_is_what_the_command_prints():
    text = (DOCUMENTS[0].parent / "runtimes.md").read_text()
    assert text.endswith(f"<!-- qref runtimes --counts --markdown -->\n\n{as_markdown(table(), counts=True)}\n")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_examples_of_the_documents(document):
    results = doctest.testfile(str(document), module_relative=False)
    assert results.attempted > 0
    assert results.failed == 0
