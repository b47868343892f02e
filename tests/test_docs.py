"""The worked examples of the documents give what is printed there."""

from __future__ import annotations

import doctest
import pathlib

import pytest

DOCUMENTS = sorted((pathlib.Path(__file__).parent.parent / "docs").glob("*.md"))


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_examples_of_the_documents(document):
    results = doctest.testfile(str(document), module_relative=False)
    assert results.attempted > 0
    assert results.failed == 0
