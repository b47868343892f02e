"""A tensor's constant as an array, and an array as the bytes of a buffer."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np

from .enums import TensorType
from .errors import InvalidModel
from .integrity import constant_bytes
from .model import Model, Tensor
from .packing import pack_elements, unpack_elements
from .sparse import densify

_REMEDY = "; the file is damaged: convert it again"


def constant(model: Model, tensor: Tensor) -> np.ndarray | None:
    """The tensor's constant data.

    Returns a read-only array of the tensor's shape and tensor.type.dtype, a view into the file where that is possible:
    INT4, UINT4 and INT2 unpacked to one element each, BFLOAT16 and FLOAT8 as float32 (exact), STRING as an object array
    of bytes, sparse tensors dense. None where there is no data: buffer 0, an empty buffer, RESOURCE and VARIANT.
    Raises InvalidModel where shape, type and data contradict each other.
    """
    if tensor.buffer == 0 or tensor.type in (TensorType.RESOURCE, TensorType.VARIANT):
        return None
    data = model.buffers[tensor.buffer].data
    if len(data) == 0:
        return None
    try:
        array = _strings(data, tensor) if tensor.type is TensorType.STRING else _numbers(data, tensor)
    except InvalidModel as error:
        raise InvalidModel(f"tensor {tensor.index} ({tensor.name}): {error}{_REMEDY}") from None
    array.flags.writeable = False
    return array


def pack(array: Any, type: TensorType) -> bytes:
    """The bytes that a buffer holds for `array`: the inverse of `constant` for dense tensors.

    array   anything that NumPy makes an array of; for STRING, str and bytes
    Raises InvalidModel where the type cannot hold a value.
    """
    if type is not TensorType.STRING:
        return pack_elements(np.asarray(array), type)
    items = [item.encode() if isinstance(item, str) else bytes(item) for item in np.asarray(array, object).reshape(-1)]
    ends = np.cumsum([4 * (len(items) + 2), *map(len, items)])
    return np.concatenate([[len(items)], ends]).astype("<i4").tobytes() + b"".join(items)


def _numbers(data: bytes | memoryview, tensor: Tensor) -> np.ndarray:
    """The elements of a buffer in the tensor's shape; what follows them in a longer buffer is left alone, as in LiteRT."""
    if tensor.sparsity is not None:
        whole = len(data) * 8 // tensor.type.bits * tensor.type.bits // 8
        return densify(unpack_elements(data[:whole], tensor.type), tensor.shape, tensor.sparsity)
    size = constant_bytes(tensor.shape, tensor.type)
    if len(data) < size:
        raise InvalidModel(f"expected {size} bytes for {tensor.type.name} {list(tensor.shape)}, found {len(data)}")
    return unpack_elements(data[:size], tensor.type)[: math.prod(tensor.shape)].reshape(tensor.shape)


def _strings(data: bytes | memoryview, tensor: Tensor) -> np.ndarray:
    """The strings of a buffer: int32 count, then count + 1 offsets from the buffer's start, then the characters."""
    count = int.from_bytes(data[:4], "little")
    if 4 * (count + 2) > len(data) or count != math.prod(tensor.shape):
        raise InvalidModel(f"expected {math.prod(tensor.shape)} strings and their offsets, found {count} in {len(data)} bytes")
    offsets = np.frombuffer(data, "<i4", count + 1, 4).astype(np.int64)
    if offsets[0] < 4 * (count + 2) or offsets[-1] > len(data) or (np.diff(offsets) < 0).any():
        raise InvalidModel(f"expected rising offsets of strings, up to {len(data)}, found {offsets[:4].tolist()} ...")
    strings = np.empty(count, object)
    strings[:] = [bytes(data[start:end]) for start, end in itertools.pairwise(offsets)]
    return strings.reshape(tensor.shape)
