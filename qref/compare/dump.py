"""Tensors dumped by a device: a folder with a file for each tensor, or an .npz, read as arrays by tensor index.

    name         of a file without its suffix, or of an array: the tensor's name, that name with every character other than
                 letters, digits, ".", "_" and "-" replaced by "_", its index as in 12, or tensor_12
    .npy, .npz   arrays of the tensor's shape and dtype
    .raw, .bin   the tensor's bytes, little-endian, in C order
    .csv, .txt   its elements as numbers, with commas, semicolons, spaces or line ends between them
    .hex         its elements as hexadecimal numbers of at most the type's width, two's complement, with or without 0x

The files without a type of their own take type and shape from the model.
"""

from __future__ import annotations

import functools
import pathlib
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from qref.errors import InputError
from qref.interpreter import Interpreter

Read = Callable[[pathlib.Path, np.dtype, tuple[int, ...]], np.ndarray]


def is_dump(name: str) -> bool:
    """Whether the name is that of a folder or of an .npz, and not that of a runtime."""
    return pathlib.Path(name).is_dir() or name.endswith(".npz")


def read_dump(path: pathlib.Path, interpreter: Interpreter) -> dict[int, np.ndarray]:
    """The dumped tensors by index, without the model's constants, which are compared with the model's.

    interpreter  of the model, its tensors allocated
    Raises InputError that names every tensor which the model does not have, and the first file that cannot be read, array that
    does not fit its tensor, tensor that is dumped twice, or constant that is not the model's.
    """
    details = {d["index"]: d for d in interpreter.get_tensor_details()}
    names = _names(details)
    sources = dict(_sources(path))
    found: dict[int, str] = {}
    unknown = []
    for name in sources:
        index = _index_of(name, names, details, path)
        if index is None:
            unknown.append(name)
        elif index in found:
            raise InputError(f"{path} holds tensor {index} twice, as {found[index]!r} and {name!r}: keep one of them")
        else:
            found[index] = name
    if unknown:
        raise InputError(
            f"{path} holds {', '.join(map(repr, sorted(unknown)))}, which the model has no tensor for; name each by its tensor's "
            f"name or index, 0 to {len(details) - 1}, as `qref analyze` lists them"
        )
    arrays = {}
    for index, name in sorted(found.items()):
        arrays[index] = _checked(sources[name], details[index], path)
    constants = [i for i in arrays if _is_constant(interpreter, i)]
    for index in constants:
        if arrays.pop(index).tobytes() != interpreter.get_tensor(index).tobytes():
            raise InputError(
                f"{path}: tensor {index} ({details[index]['name']!r}) is a constant of the model and has other values in the dump"
            )
    return arrays


def _is_constant(interpreter: Interpreter, index: int) -> bool:
    graph = interpreter.model.subgraphs[0]
    changing = {*graph.inputs, *(i for operator in graph.operators for i in operator.outputs)}
    return index not in changing and not graph.tensors[index].is_variable and interpreter.is_held(index)


def _sources(path: pathlib.Path) -> Iterator[tuple[str, Callable[[np.dtype, tuple[int, ...]], np.ndarray]]]:
    """The name of each dumped tensor, and what reads it."""
    if not path.is_dir():
        arrays = _read_npz(path)
        yield from ((name, functools.partial(_as_it_is, array)) for name, array in arrays.items())
        return
    for file in sorted(path.iterdir()):
        if file.suffix not in READERS:
            raise InputError(f"{file} is of an unknown kind; a dump holds {', '.join(READERS)}")
        yield (file.stem, functools.partial(READERS[file.suffix], file))


def _read_npz(path: pathlib.Path) -> dict[str, np.ndarray]:
    try:
        with path.open("rb") as file:
            archive = np.load(file)
            if isinstance(archive, np.ndarray):
                raise ValueError("it is a .npy by its content")
            return {name: archive[name] for name in archive.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise InputError(f"cannot read {path}: {error}") from None


def _as_it_is(array: np.ndarray, dtype: np.dtype, shape: tuple[int, ...]) -> np.ndarray:
    return array


def _sanitized(name: str) -> str:
    return re.sub(r"[^0-9A-Za-z._-]", "_", name)


def _names(details: dict[int, dict[str, Any]]) -> dict[str, set[int]]:
    """The tensors that each name may mean."""
    names: dict[str, set[int]] = {}
    for spelled in (lambda name: name, _sanitized):
        known = set(names)
        for index, detail in details.items():
            if detail["name"] and spelled(detail["name"]) not in known:
                names.setdefault(spelled(detail["name"]), set()).add(index)
    return names


def _index_of(name: str, names: dict[str, set[int]], details: dict[int, dict[str, Any]], path: pathlib.Path) -> int | None:
    """The tensor of that name; None if there is none."""
    fitting = names.get(name, set())
    if len(fitting) > 1:
        raise InputError(f"{path}: {name!r} may be tensor {' or '.join(map(str, sorted(fitting)))}; name it by its index")
    if fitting:
        return next(iter(fitting))
    number = re.fullmatch(r"(?:tensor_)?([0-9]+)", name)
    if number is None:
        return None
    index = int(number[1])
    if index not in details:
        raise InputError(f"{path}: there is no tensor {index}; the model has tensors 0 to {len(details) - 1}")
    return index


def _checked(read: Callable[[np.dtype, tuple[int, ...]], np.ndarray], detail: dict[str, Any], path: pathlib.Path) -> np.ndarray:
    name, dtype, shape = f"tensor {detail['index']} ({detail['name']!r})", np.dtype(detail["dtype"]), tuple(detail["shape"])
    try:
        array = read(dtype, shape)
    except (OSError, ValueError, OverflowError, EOFError) as error:
        raise InputError(f"cannot read {name} from {path}: {error}") from None
    if array.dtype != dtype or array.shape != shape:
        found = f"{array.dtype} of shape {list(array.shape)}"
        raise InputError(f"{path}: {name} takes {dtype} of shape {[int(n) for n in shape]}; the dump holds {found}")
    return array


def _read_npy(path: pathlib.Path, dtype: np.dtype, shape: tuple[int, ...]) -> np.ndarray:
    return np.load(path)


def _read_raw(path: pathlib.Path, dtype: np.dtype, shape: tuple[int, ...]) -> np.ndarray:
    data, size = path.read_bytes(), int(np.prod(shape)) * dtype.itemsize
    if len(data) != size:
        raise ValueError(f"it takes {size} bytes, {dtype} of shape {[int(n) for n in shape]}; the file has {len(data)}")
    return np.frombuffer(data, dtype.newbyteorder("<")).astype(dtype).reshape(shape)


def _read_text(path: pathlib.Path, dtype: np.dtype, shape: tuple[int, ...]) -> np.ndarray:
    tokens = re.split(r"[\s,;]+", path.read_text().strip().rstrip(",;"))
    return _of_tokens(tokens if tokens != [""] else [], float if dtype.kind == "f" else int, dtype, shape)


def _read_hex(path: pathlib.Path, dtype: np.dtype, shape: tuple[int, ...]) -> np.ndarray:
    digits = 2 * dtype.itemsize
    tokens = [token.lower().removeprefix("0x") for token in re.split(r"[\s,;]+", path.read_text()) if token]
    wide = next((i for i, token in enumerate(tokens) if len(token.lstrip("0")) > digits), None)
    if wide is not None:
        raise ValueError(f"element {wide} is {tokens[wide]!r}; {dtype} has at most {digits} hexadecimal digits")
    bits = np.dtype(f"u{dtype.itemsize}")
    return _of_tokens(tokens, lambda token: int(token, 16), bits, shape).view(dtype)


def _of_tokens(tokens: list[str], number: Callable[[str], Any], dtype: np.dtype, shape: tuple[int, ...]) -> np.ndarray:
    size = int(np.prod(shape))
    if len(tokens) != size:
        raise ValueError(f"it takes {size} elements, shape {[int(n) for n in shape]}; the file has {len(tokens)}")
    return np.array([number(token) for token in tokens], dtype).reshape(shape)


READERS: dict[str, Read] = {
    ".npy": _read_npy,
    ".raw": _read_raw,
    ".bin": _read_raw,
    ".csv": _read_text,
    ".txt": _read_text,
    ".hex": _read_hex,
}
