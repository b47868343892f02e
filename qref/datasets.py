"""A representative dataset, in any of the forms that users have it in, as samples: one array for each input of the model.

    a function without arguments that gives an iterable, as TFLiteConverter takes it
    an iterable of samples, or of batches of them: a generator, a list, an array, a tf.data.Dataset, a DataLoader
    a path: an .npz with an array of samples for each input, an .npy of samples, a folder of .npy files or of images

A sample is an array where the model has one input, else a list of arrays in the inputs' order or a mapping from their names.
"""

from __future__ import annotations

import os
import pathlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from qref.errors import InputError
from qref.inputs import IMAGES, read_file, read_safely

Details = Sequence[Mapping[str, Any]]
Source = str | os.PathLike[str] | Callable[[], Iterable[Any]] | Iterable[Any]


def samples(source: Source, details: Details) -> Iterator[list[np.ndarray]]:
    """Each sample as arrays of the inputs' shapes and dtypes, in the order of `details` (Interpreter.get_input_details()).

    Raises InputError for a sample that does not fit or is not finite, with its number, and for a path that cannot be read.
    """
    number = 0
    for item in _items(source, details):
        arrays = _by_input(item, details, number)
        size = _batch_size(arrays, details, number)
        for i in range(size):
            yield [_fitted(array[i : i + 1] if size > 1 else array, detail, number) for array, detail in zip(arrays, details)]
            number += 1


def _items(source: Source, details: Details) -> Iterable[Any]:
    if isinstance(source, str | os.PathLike):
        return _files(pathlib.Path(source), details)
    found = source() if callable(source) else source
    if isinstance(found, Mapping):
        return zip(*(found[name] for name in _names(found, details)))
    return found


def _files(path: pathlib.Path, details: Details) -> Iterable[Any]:
    if path.is_dir():
        files = sorted(file for file in path.iterdir() if file.suffix.lower() in (".npy", *IMAGES))
        if not files:
            raise InputError(f"{path} holds neither .npy files nor images")
        if len(details) > 1:
            raise InputError(f"{path}: a folder gives one array a sample, the model takes {len(details)}; give an .npz")
        return (read_file(file, details[0]) for file in files)
    if path.suffix == ".npy":
        return read_safely(path, lambda: np.load(path, mmap_mode="r"))
    if path.suffix != ".npz":
        raise InputError(f"{path} is of an unknown kind; a dataset is an .npz, an .npy or a folder of .npy files or images")
    with read_safely(path, lambda: np.load(path)) as archive:
        arrays = {name: archive[name] for name in archive.files}
    if len(details) == 1 and len(arrays) == 1:
        return next(iter(arrays.values()))
    return zip(*(arrays[name] for name in _names(arrays, details)))


def _names(arrays: Mapping[str, Any], details: Details) -> list[str]:
    """The names under which the inputs' arrays stand: with or without the suffix ":0" that converters add."""
    found = []
    for detail in details:
        full = str(detail["name"])
        candidates = [full, full.removesuffix(":0"), full.removesuffix(":0").removeprefix("serving_default_")]
        name = next((name for name in candidates if name in arrays), None)
        if name is None:
            raise InputError(f"the data name {', '.join(arrays) or 'nothing'}; the model has an input {full}: name an array so")
        found.append(name)
    return found


def _by_input(item: Any, details: Details, number: int) -> list[np.ndarray]:
    if isinstance(item, Mapping):
        parts = [item[name] for name in _names(item, details)]
    elif isinstance(item, list | tuple) and len(item) == len(details):
        parts = list(item)
    elif isinstance(item, list | tuple) or len(details) > 1:
        raise InputError(f"sample {number} holds {len(item)} arrays; the model takes {len(details)}")
    else:
        parts = [item]
    try:
        return [np.asarray(part) for part in parts]
    except (ValueError, TypeError) as error:
        raise InputError(f"sample {number} is no array: {error}") from None


def _batch_size(arrays: Sequence[np.ndarray], details: Details, number: int) -> int:
    """How many samples the arrays hold: more than one where all have the inputs' shapes but for a longer first axis."""
    sizes = {
        array.shape[0] if array.shape != shape and array.ndim == len(shape) and shape and shape[0] == 1 else 1
        for array, shape in ((array, tuple(detail["shape"])) for array, detail in zip(arrays, details))
    }
    if len(sizes) > 1:
        raise InputError(f"sample {number} holds batches of different sizes: {sorted(sizes)}")
    return max(sizes, default=1)


def _fitted(array: np.ndarray, detail: Mapping[str, Any], number: int) -> np.ndarray:
    shape, dtype = tuple(int(n) for n in detail["shape"]), np.dtype(detail["dtype"])
    if array.shape == shape[1:] and shape and shape[0] == 1:
        array = array[None]
    if array.shape != shape or (array.dtype.kind in "OSU") or (dtype.kind != "f" and array.dtype != dtype):
        found = f"{array.dtype} of shape {list(array.shape)}"
        raise InputError(f"sample {number}: input {detail['name']!r} takes {dtype} of shape {list(shape)}; found {found}")
    if not np.isfinite(array).all():
        raise InputError(f"sample {number}: input {detail['name']!r} holds NaN or infinity; leave the sample out or mend it")
    return array.astype(dtype, copy=False)
