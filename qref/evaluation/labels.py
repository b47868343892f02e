"""Labels, in any of the forms that users have them in: classes, one-hot rows, probabilities, or real values.

an array, or what makes one
a path: .npy; .npz of one array, or with one named "labels" or "y"; .csv or .txt, a line for each sample, with or without a header
"""

from __future__ import annotations

import os
import pathlib
from typing import Any

import numpy as np

from qref.errors import InputError
from qref.inputs import read_archive, read_safely

NAMES = ("labels", "y")
MOST_CLASSES = 1 << 31
MOST_SHOWN = 40  # characters of a wrong line
MOST_DIGITS = 18  # of an int64
TASKS = ("classification", "regression")


def read_labels(source: Any) -> np.ndarray:
    """The labels as numbers; raises InputError for what are none, and for NaN or infinity, with its place."""
    try:
        labels = np.asarray(_file(pathlib.Path(source)) if isinstance(source, str | os.PathLike) else source)
    except (ValueError, TypeError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"the labels are no array: {error}") from None
    if labels.dtype.kind not in "biuf" or labels.ndim == 0:
        found = f"{labels.dtype} of shape {list(labels.shape)}"
        raise InputError(f"labels are numbers, one or one row for each sample; found {found}; give class names as 0, 1, 2, ...")
    if not np.isfinite(labels).all():
        place = np.argwhere(~np.isfinite(labels))[0]
        raise InputError(f"label {place[0]} is NaN or infinite; leave the sample out or mend it")
    return labels


def _file(path: pathlib.Path) -> np.ndarray:
    if path.suffix == ".npy":
        return read_safely(path, lambda: np.load(path))
    if path.suffix == ".npz":
        arrays = read_archive(path)
        name = next(iter(arrays)) if len(arrays) == 1 else next((name for name in NAMES if name in arrays), None)
        if name is None:
            found = ", ".join(map(repr, arrays)) or "nothing"
            raise InputError(f"{path} holds {found}; name the labels {' or '.join(map(repr, NAMES))}")
        return arrays[name]
    if path.suffix in (".csv", ".txt"):
        return read_safely(path, lambda: _text(path))
    raise InputError(f"{path} is of an unknown kind; labels are .npy, .npz, .csv or .txt")


def _text(path: pathlib.Path) -> np.ndarray:
    """Integers where every number is written as one."""
    rows = [line.replace(",", " ").split() for line in path.read_text().splitlines() if line.strip()]
    if rows and not _numbers(rows[0]):
        rows = rows[1:]  # a header
    wrong = next((number for number, row in enumerate(rows) if not _numbers(row) or len(row) != len(rows[0])), None)
    if wrong is not None:
        raise ValueError(f"label {wrong} is {' '.join(rows[wrong])[:MOST_SHOWN]!r}; expected {len(rows[0])} numbers")
    if not rows:
        raise ValueError("it holds no label")
    whole = all(len(number) < MOST_DIGITS and number.lstrip("+-").isdecimal() for row in rows for number in row)
    labels = np.array(rows, np.int64 if whole else np.float64)
    return labels[:, 0] if labels.shape[1] == 1 else labels


def _numbers(row: list[str]) -> bool:
    try:
        return bool([float(number) for number in row])
    except ValueError:
        return False


def task_of(labels: np.ndarray) -> str:
    """The task: classification for integers and for rows of probabilities, else regression."""
    return "classification" if labels.dtype.kind in "biu" or _are_probabilities(labels) else "regression"


def classes_of(labels: np.ndarray, outputs: np.ndarray) -> np.ndarray:
    """The class [rows] int64 that each label names.

    outputs   [rows, classes]; [rows, 1] for two classes; [rows] where the model gives classes itself, of a number not known
    Raises InputError for labels of another number, or outside of the classes.
    """
    rows, columns = len(outputs), outputs.shape[1] if outputs.ndim > 1 else 0
    count = max(columns, 2) if columns else np.inf
    if columns and labels.ndim > 1 and labels.shape[-1] == count and labels.size == rows * count:
        if not _are_probabilities(labels):
            raise InputError("each row of the labels should be one-hot or probabilities: at least 0, with a sum of 1")
        return labels.reshape(rows, -1).argmax(axis=1)
    if labels.size != rows:
        raise InputError(_wrong_number(labels, outputs))
    found = labels.reshape(-1)
    wrong = np.flatnonzero((found != np.floor(found)) | (found < 0) | (found >= min(count, MOST_CLASSES)))
    if wrong.size:
        known = f"0 to {count - 1}" if columns else "0, 1, 2, ..."
        raise InputError(f"label {wrong[0]} is {found[wrong[0]]}; the model's classes are {known}")
    return found.astype(np.int64)


def targets_of(labels: np.ndarray, outputs: np.ndarray) -> np.ndarray:
    """Real values of the outputs' shape for a regression; raises InputError for labels of another number."""
    if labels.size != outputs.size:
        raise InputError(f"{_wrong_number(labels, outputs)}; for classes choose the task classification")
    return labels.reshape(outputs.shape).astype(np.float64)


def _are_probabilities(labels: np.ndarray) -> bool:
    by_row = labels.ndim > 1 and labels.shape[-1] > 1
    return by_row and bool((labels >= 0).all() and (abs(labels.sum(axis=-1, dtype=np.float64) - 1) < 1e-3).all())


def _wrong_number(labels: np.ndarray, outputs: np.ndarray) -> str:
    numbers = f"{len(outputs):,} rows of {outputs.shape[1]} numbers" if outputs.ndim > 1 else f"{len(outputs):,} numbers"
    return f"labels of shape {list(labels.shape)} do not fit what the model gives for the data, {numbers}"
