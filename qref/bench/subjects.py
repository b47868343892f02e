"""What is timed: a file, the files of a folder, a bundled model, or a model made of a described operator."""

from __future__ import annotations

import pathlib
from collections.abc import Sequence
from dataclasses import dataclass

from qref.bench.operator_models import OPERATORS, build, is_description, parse
from qref.compare.verify import find_models
from qref.errors import InputError
from qref.models import FOLDER, bundled
from qref.schema import Model, load


@dataclass(frozen=True, slots=True)
class Subject:
    """A model, by the name that the caller gave it."""

    name: str
    model: Model


def find_subjects(texts: Sequence[str | pathlib.Path], seed: int = 0) -> list[Subject]:
    """The models that texts stand for; the seed draws the constants of described operators.

    Raises InputError for a text that stands for none, ModelError for a file that is no model.
    """
    return [subject for text in map(str, texts) for subject in _subjects(text, seed)]


def _subjects(text: str, seed: int) -> list[Subject]:
    if pathlib.Path(text).exists():
        return [Subject(str(path), load(path)) for path in find_models([text])]
    if is_description(text):
        return [Subject(text, build(parse(text), seed))]
    names = sorted(path.stem for path in FOLDER.glob("*.tflite"))
    if text not in names:
        raise InputError(
            f"{text!r} is no file, no folder, no bundled model ({', '.join(names)}) and no operator such as "
            f"{', '.join(form.example for form in OPERATORS.values())}"
        )
    return [Subject(text, load(bundled(text)))]
