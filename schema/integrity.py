"""What must hold of a model before any of its indices may be followed: `load` asks for no more than this."""

from __future__ import annotations

import math
from collections.abc import Iterable

from .enums import TensorType
from .errors import InvalidModel
from .limits import Limits
from .model import Model, Subgraph, Tensor

_DAMAGED = "; the file is damaged: convert it again"


def check_integrity(model: Model, limits: Limits | None = None) -> None:
    """Check every index, shape and constant's size.

    Raises InvalidModel, which names subgraph, operator and tensor, what was expected and what was found.
    """
    limits = limits or Limits()
    for subgraph in model.subgraphs:
        for tensor in subgraph.tensors:
            _check_tensor(model, subgraph, tensor, limits)
        _check_indices(model, subgraph)


def constant_bytes(shape: tuple[int, ...], type_: TensorType) -> int:
    """Bytes that a dense constant takes in a buffer: 4-bit and 2-bit elements are packed, the last byte filled up."""
    return (math.prod(shape) * type_.bits + 7) // 8


def has_fixed_size(type_: TensorType) -> bool:
    """Whether a tensor's shape and type determine its size in a buffer."""
    return type_ not in (TensorType.STRING, TensorType.RESOURCE, TensorType.VARIANT)


def name_of(subgraph: Subgraph, tensor: Tensor) -> str:
    """How messages name a tensor."""
    return f"subgraph {subgraph.index}, tensor {tensor.index} ({tensor.name})"


def _fail(where: str, expected: str, found: object) -> None:
    raise InvalidModel(f"{where}: expected {expected}, found {found}{_DAMAGED}")


def _check_tensor(model: Model, subgraph: Subgraph, tensor: Tensor, limits: Limits) -> None:
    if tensor.shape and min(tensor.shape) < 0:
        _fail(name_of(subgraph, tensor), "a shape without negative sizes (-1 belongs to shape_signature)", tensor.shape)
    size = constant_bytes(tensor.shape, tensor.type)
    if math.prod(max(1, length) for length in tensor.shape) >= 1 << 58 or len(tensor.shape) > 64:  # NumPy can hold no more
        _fail(name_of(subgraph, tensor), "at most 64 dimensions of less than 2**58 elements", tensor.shape)
    if tensor.buffer == 0:
        return
    if not 0 <= tensor.buffer < len(model.buffers):
        _fail(name_of(subgraph, tensor), f"a buffer below {len(model.buffers)}", tensor.buffer)
    found = len(model.buffers[tensor.buffer].data)
    if not found or not has_fixed_size(tensor.type):
        return
    if tensor.sparsity is not None:
        if size > limits.max_tensor_bytes:
            expected = f"a sparse tensor of at most {limits.max_tensor_bytes} bytes (Limits.max_tensor_bytes)"
            _fail(name_of(subgraph, tensor), expected, f"{size} bytes")
    elif found < size:  # a longer buffer is fine, as in LiteRT
        expected = f"{size} bytes in buffer {tensor.buffer} for {tensor.type.name} {list(tensor.shape)}"
        _fail(name_of(subgraph, tensor), expected, f"{found} bytes")


def _check_indices(model: Model, subgraph: Subgraph) -> None:
    count = len(subgraph.tensors)
    where = f"subgraph {subgraph.index}"
    _check_range(f"{where}, inputs", subgraph.inputs, 0, count)
    _check_range(f"{where}, outputs", subgraph.outputs, 0, count)
    for operator in subgraph.operators:
        named = f"{where}, operator {operator.index} ({operator.name})"
        if not 0 <= operator.opcode_index < len(model.operator_codes):
            _fail(named, f"an opcode_index below {len(model.operator_codes)}", operator.opcode_index)
        code = model.operator_codes[operator.opcode_index]
        if (operator.builtin_code, operator.version) != (code.builtin_code, code.version):
            expected = f"builtin code {code.builtin_code}, version {code.version}, as in operator code {operator.opcode_index}"
            _fail(named, expected, f"{operator.builtin_code}, version {operator.version}")
        _check_range(f"{named}, inputs", operator.inputs, -1, count)
        _check_range(f"{named}, outputs", operator.outputs, 0, count)
        _check_range(f"{named}, intermediates", operator.intermediates, -1, count)


def _check_range(where: str, indices: Iterable[int], lowest: int, count: int) -> None:
    for index in indices:
        if not lowest <= index < count:
            _fail(where, f"tensor indices from {lowest} to {count - 1}", index)
