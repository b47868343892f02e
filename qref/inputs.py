"""Inputs for a model: drawn from a seed, or read from files."""

from __future__ import annotations

import pathlib
import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from qref.arithmetic.affine import quantize
from qref.errors import InputError
from qref.interpreter import Interpreter
from qref.schema.model import Model

IMAGES = (".png", ".bmp", ".jpg", ".jpeg", ".gif", ".tif", ".tiff", ".webp")


def draw_inputs(model: Model, seed: int) -> dict[int, np.ndarray]:
    """Arrays for the inputs of the main subgraph, by position; a dimension of -1 becomes 1."""
    rng, graph = np.random.default_rng(seed), model.subgraphs[0]
    arrays = {}
    for position, index in enumerate(graph.inputs):
        tensor = graph.tensors[index]
        if tensor.type.dtype is None:
            raise InputError(f"input {position} ({tensor.name!r}) has type {tensor.type.name}, for which no values can be drawn")
        arrays[position] = draw(rng, [abs(n) for n in tensor.shape], tensor.type.dtype)
    return arrays


def draw(rng: np.random.Generator, shape: Sequence[int], dtype: np.dtype) -> np.ndarray:
    """Normal floats, random bools, 8 and 16 bits over their whole range, wider integers 0 to 2 (they are indices as a rule)."""
    if dtype.kind in "fc":
        return rng.normal(size=shape).astype(dtype)
    if dtype.kind == "b":
        return rng.integers(0, 2, shape).astype(dtype)
    if dtype.itemsize >= 4:
        return rng.integers(0, 3, shape).astype(dtype)
    limits = np.iinfo(dtype)
    return rng.integers(limits.min, limits.max, shape, endpoint=True).astype(dtype)


def read_inputs(paths: Sequence[pathlib.Path], details: Sequence[dict[str, Any]]) -> dict[int, np.ndarray]:
    """Arrays for a graph's inputs, by tensor index, from one file per input or one .npz with a name for each.

    details  as Interpreter.get_input_details() gives them
    An .npz may name its arrays by the inputs' tensor names, or hold just as many as there are inputs, in their order.
    Floats for a quantized input are quantized with its scale and zero point; integers and floats must otherwise fit as they are.
    Raises InputError for a file that is missing or of an unknown kind, and where an array does not fit its input.
    """
    arrays = _read_npz(paths[0], details) if len(paths) == 1 and paths[0].suffix == ".npz" else None
    if arrays is None:
        if len(paths) != len(details):
            raise InputError(
                f"the model takes {len(details)} inputs ({', '.join(d['name'] for d in details)}), was given {len(paths)}"
            )
        arrays = [read_file(path, detail) for path, detail in zip(paths, details)]
    return {detail["index"]: fit(array, detail) for array, detail in zip(arrays, details)}


def _read_npz(path: pathlib.Path, details: Sequence[dict[str, Any]]) -> list[np.ndarray]:
    with read_safely(path, lambda: np.load(path)) as archive:
        if all(d["name"] in archive.files for d in details):
            return [archive[d["name"]] for d in details]
        if len(archive.files) == len(details):
            return [archive[name] for name in archive.files]
        names = ", ".join(d["name"] for d in details)
        raise InputError(
            f"{path} holds {', '.join(archive.files) or 'nothing'}; the model's inputs are {names}: name the arrays like them"
        )


def read_file(path: pathlib.Path, detail: Mapping[str, Any], pixels: tuple[float, float] = (0.0, 1.0)) -> np.ndarray:
    """One array for an input, from an .npy file or an image; raises InputError.

    pixels   the real values that 0 and 255 of an image stand for
    """
    if path.suffix == ".npy":
        return read_safely(path, lambda: np.load(path))
    if path.suffix.lower() in IMAGES:
        return read_safely(path, lambda: _read_image(path, detail, pixels))
    raise InputError(f"{path} is of an unknown kind; inputs are .npy, .npz or images such as .png and .bmp")


def read_archive(path: pathlib.Path) -> dict[str, np.ndarray]:
    """The arrays of an .npz by name; raises InputError."""

    def read() -> dict[str, np.ndarray]:
        with path.open("rb") as file:
            archive = np.load(file)
            if isinstance(archive, np.ndarray):
                raise ValueError("it holds one array without a name; rename it to .npy")
            return {name: archive[name] for name in archive.files}

    return read_safely(path, read)


def read_safely(path: pathlib.Path, read: Callable[[], Any]) -> Any:
    """What `read` gives, or an InputError that names the path."""
    try:
        return read()
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise InputError(f"cannot read {path}: {error}") from None


def _read_image(path: pathlib.Path, detail: Mapping[str, Any], pixels: tuple[float, float]) -> np.ndarray:
    """The image resized to the input's height and width: 0 to 255 for a uint8 input, else real values over `pixels`."""
    try:
        from PIL import Image
    except ImportError:
        raise InputError(f"reading {path} needs Pillow; install it with: pip install 'qref-tflite[image]'") from None
    shape = [int(n) for n in detail["shape"]]
    if len(shape) != 4 or shape[3] not in (1, 3):
        raise InputError(f"input {detail['name']!r} of shape {shape} is no image; an image needs [batch, height, width, 1 or 3]")
    with Image.open(path) as image:
        sized = image.convert("RGB" if shape[3] == 3 else "L").resize((shape[2], shape[1]), Image.Resampling.BILINEAR)
        values = np.asarray(sized).reshape(1, *shape[1:])
    low, high = pixels
    return values if detail["dtype"] is np.uint8 else (low + values / 255 * (high - low)).astype(np.float32)


def fit(array: np.ndarray, detail: Mapping[str, Any]) -> np.ndarray:
    """The array in an input's dtype: floats for a quantized input are quantized with its scale and zero point; or InputError."""
    scale, zero_point = detail["quantization"]
    dtype = np.dtype(detail["dtype"])
    if array.dtype == dtype:
        return array
    if array.dtype.kind == "f" and dtype.kind == "f":
        return array.astype(dtype)
    if array.dtype.kind == "f" and dtype.kind in "iu" and scale > 0:
        return quantize(array.astype(np.float32), np.float32(scale), zero_point, dtype)
    raise InputError(f"input {detail['name']!r} takes {dtype}; the file holds {array.dtype}")


def start(interpreter: Interpreter, arrays: dict[int, np.ndarray]) -> None:
    """Make an interpreter ready to invoke: its inputs take the shapes and values of the arrays, given by tensor index."""
    for index, array in arrays.items():
        interpreter.resize_tensor_input(index, array.shape)
    interpreter.allocate_tensors()
    for index, array in arrays.items():
        interpreter.set_tensor(index, array)


def inputs_of(model: Model, paths: Sequence[pathlib.Path], seed: int) -> dict[int, np.ndarray]:
    """Arrays for the inputs of the main subgraph, by tensor index: read from files, or drawn from a seed where there are none."""
    if paths:
        return read_inputs(paths, Interpreter(model_content=model).get_input_details())
    return {model.subgraphs[0].inputs[position]: array for position, array in draw_inputs(model, seed).items()}
