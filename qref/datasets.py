"""A representative dataset, in any of the forms that users have it in, as samples: one array for each input of the model.

    a function without arguments that gives an iterable, as TFLiteConverter takes it
    an iterable of samples, or of batches of them: a generator, a list, an array, a tf.data.Dataset, a DataLoader
    a path: an .npz with an array of samples for each input, an .npy of samples, a folder of .npy files or of images, which
        Images(path, pixels=(-1, 1)) scales otherwise than to 0 to 1

A sample is an array where the model has one input, else a list of arrays in the inputs' order or a mapping from their names.
Floats for a quantized input are quantized with its scale and zero point.
"""

from __future__ import annotations

import os
import pathlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from qref.errors import InputError
from qref.inputs import IMAGES, fit, read_archive, read_file, read_safely


@dataclass(frozen=True, slots=True)
class Images:
    """A folder of images, or any other dataset's path.

    pixels   the real values that 0 and 255 stand for: (-1, 1) for a network that was trained so
    """

    path: str | os.PathLike[str]
    pixels: tuple[float, float] = (0.0, 1.0)

    def __post_init__(self) -> None:
        if not (np.isfinite(self.pixels).all() and self.pixels[0] < self.pixels[1]):
            raise InputError(f"pixels are from {self.pixels[0]} to {self.pixels[1]}; expected two real numbers, the lesser first")


Details = Sequence[Mapping[str, Any]]
Source = str | os.PathLike[str] | Images | Callable[[], Iterable[Any]] | Iterable[Any]


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


def by_tensor(source: Source, details: Details) -> Iterator[dict[int, np.ndarray]]:
    """The same, each sample's arrays by tensor index, as qref.invoke_many takes them."""
    indices = [detail["index"] for detail in details]
    return (dict(zip(indices, arrays)) for arrays in samples(source, details))


def _items(source: Source, details: Details) -> Iterable[Any]:
    if isinstance(source, str | os.PathLike):
        source = Images(source)
    if isinstance(source, Images):
        return _files(pathlib.Path(source.path), details, source.pixels)
    found = source() if callable(source) else source
    if isinstance(found, Mapping):
        return _in_step({name: _array(found[name], f"what is given for {name!r}") for name in _names(found, details)})
    return found


def _files(path: pathlib.Path, details: Details, pixels: tuple[float, float]) -> Iterable[Any]:
    if path.is_dir():
        files = sorted(file for file in path.iterdir() if file.suffix.lower() in (".npy", *IMAGES))
        if not files:
            raise InputError(f"{path} holds neither .npy files nor images")
        if len(details) > 1:
            raise InputError(f"{path}: a folder gives one array a sample, the model takes {len(details)}; give an .npz")
        return (read_file(file, details[0], pixels) for file in files)
    if path.suffix == ".npy":
        return _in_step({path.name: read_safely(path, lambda: np.load(path, mmap_mode="r"))})
    if path.suffix != ".npz":
        raise InputError(f"{path} is of an unknown kind; a dataset is an .npz, an .npy or a folder of .npy files or images")
    arrays = read_archive(path)
    if len(details) == 1 and len(arrays) == 1:
        return _in_step(arrays)
    return _in_step({name: arrays[name] for name in _names(arrays, details)})


def _in_step(columns: Mapping[str, np.ndarray]) -> Iterable[tuple[np.ndarray, ...]]:
    """The samples of all columns side by side; raises InputError where one holds more than another."""
    for name, column in columns.items():
        if column.ndim == 0:
            raise InputError(f"{name!r} has no axis of samples; expected an array [samples, ...]")
    sizes = {name: len(column) for name, column in columns.items()}
    if len(set(sizes.values())) > 1:
        raise InputError(f"the inputs are given different numbers of samples: {sizes}")
    return zip(*columns.values())


def _names(arrays: Mapping[str, Any], details: Details) -> list[str]:
    """The names under which the inputs' arrays stand: with or without the suffix ":0" that converters add."""
    found = []
    for detail in details:
        full = str(detail["name"])
        candidates = [full, full.removesuffix(":0"), full.removesuffix(":0").removeprefix("serving_default_")]
        name = next((name for name in candidates if name in arrays), None)
        if name is None:
            named = ", ".join(map(repr, arrays)) or "nothing"
            raise InputError(f"the data name {named}; the model has an input {full!r}: name an array so")
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
    return [_array(part, f"sample {number}") for part in parts]


def _array(values: Any, what: str) -> np.ndarray:
    try:
        return np.asarray(values)
    except (ValueError, TypeError) as error:
        raise InputError(f"{what} is no array: {error}") from None


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
    to_quantize = array.dtype.kind == "f" and dtype.kind in "iu" and detail["quantization"][0] > 0
    wrong_type = array.dtype.kind in "OSU" or (dtype.kind != "f" and array.dtype != dtype and not to_quantize)
    if array.shape != shape or wrong_type:
        found = f"{array.dtype} of shape {list(array.shape)}"
        raise InputError(f"sample {number}: input {detail['name']!r} takes {dtype} of shape {list(shape)}; found {found}")
    if array.dtype.kind == "f" or dtype.kind == "f":
        with np.errstate(over="ignore"):
            array = array.astype(np.float32 if to_quantize else dtype, copy=False)
    if not np.isfinite(array).all():
        raise InputError(f"sample {number}: input {detail['name']!r} holds NaN or infinity; leave the sample out or mend it")
    return fit(array, detail)
