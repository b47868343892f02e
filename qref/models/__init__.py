"""Small models that come with qref, made by examples/make_bundled_models.py, with inputs and LiteRT's recorded results."""

from __future__ import annotations

import pathlib

from qref.errors import InputError

FOLDER = pathlib.Path(__file__).parent


def bundled(name: str) -> pathlib.Path:
    """Path of a bundled model; InputError lists the names there are."""
    path = FOLDER / f"{name}.tflite"
    if not path.is_file():
        known = ", ".join(sorted(p.stem for p in FOLDER.glob("*.tflite")))
        raise InputError(f"there is no bundled model {name!r}; there are {known}")
    return path
