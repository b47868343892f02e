"""A .tflite file -> Model."""

from __future__ import annotations

import os
import stat
from typing import Any

import numpy as np

from .enums import TensorType, builtin_name
from .errors import InvalidModel
from .integrity import check_integrity
from .limits import Limits
from .model import (
    Buffer,
    DimensionMetadata,
    Metadata,
    Model,
    Operator,
    OperatorCode,
    Options,
    Quantization,
    Signature,
    Sparsity,
    Subgraph,
    Tensor,
)
from .options import decode, decode_union, text
from .verifier import Tree, Union, verify

_NO_FLOATS = np.zeros(0, np.float32)
_NO_INTEGERS = np.zeros(0, np.int64)
_NO_FLOATS.flags.writeable = _NO_INTEGERS.flags.writeable = False


def load(source: str | os.PathLike[str] | bytes | bytearray | memoryview, *, limits: Limits | None = None) -> Model:
    """Read a .tflite model; its constants are views into the bytes read.

    source   a path, or the bytes of a file
    limits   bounds on time and memory, `Limits()` by default
    Returns the Model. Signatures and metadata that name tensors, subgraphs or buffers which are not there are left out.
    Raises InvalidModel, and nothing else, whatever the bytes or the path.
    """
    limits = limits or Limits()
    if isinstance(source, str | os.PathLike):
        try:
            return _load(read_bytes(source, limits), limits)
        except InvalidModel as error:
            raise InvalidModel(f"{os.fspath(source)}: {error}") from None
    data = source if isinstance(source, bytes) else bytes(memoryview(source))
    return _load(data, limits)


def read_bytes(path: str | os.PathLike[str], limits: Limits) -> bytes:
    """The bytes of a file that is there, readable and not too large; InvalidModel else."""
    try:
        status = os.stat(path)
        if stat.S_ISDIR(status.st_mode):
            raise InvalidModel("is a directory; give the path of a .tflite file")
        if not stat.S_ISREG(status.st_mode):
            raise InvalidModel("is not a regular file; give the path of a .tflite file")
        if status.st_size > limits.max_file_bytes:
            raise InvalidModel(f"has {status.st_size} bytes, more than Limits.max_file_bytes = {limits.max_file_bytes}")
        with open(path, "rb") as file:
            data = file.read(status.st_size)
    except FileNotFoundError:
        raise InvalidModel("no such file; check the path") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InvalidModel(f"cannot be read ({reason}); check the path and its permissions") from None
    if not data:
        raise InvalidModel("is empty; download or convert it again")
    return data


def _load(data: bytes, limits: Limits) -> Model:
    if len(data) > limits.max_file_bytes:
        raise InvalidModel(f"the model has {len(data)} bytes, more than Limits.max_file_bytes = {limits.max_file_bytes}")
    tree = verify(data, limits)
    _check_custom_options(tree, len(data), limits)
    model = _model(tree, data)
    check_integrity(model, limits)
    return model


def _model(tree: Tree, data: bytes) -> Model:
    codes = tuple(map(_operator_code, tree["operator_codes"] or ()))
    buffers = tuple(_buffer(i, buffer, data) for i, buffer in enumerate(tree["buffers"] or ()))
    subgraphs = tuple(_subgraph(i, subgraph, codes, data) for i, subgraph in enumerate(tree["subgraphs"] or ()))
    return Model(
        version=tree["version"],
        description=text(tree["description"]),
        operator_codes=codes,
        subgraphs=subgraphs,
        buffers=buffers,
        signatures=tuple(s for s in map(_signature, tree["signature_defs"] or ()) if _leads_somewhere(s, subgraphs)),
        metadata=tuple(Metadata(text(m["name"]), m["buffer"]) for m in tree["metadata"] or () if m["buffer"] < len(buffers)),
        metadata_buffer=_integers(tree["metadata_buffer"]),
        external_buffer_groups=tuple(decode("ExternalBufferGroup", g) for g in tree["external_buffer_groups"] or ()),
        external_buffers=tuple(decode("ExternalBuffer", b) for b in tree["external_buffers"] or ()),
    )


def _operator_code(tree: Tree) -> OperatorCode:
    """Old files have the code in the 8-bit field alone, newer ones in both: the larger one counts, as in LiteRT."""
    custom = tree["custom_code"]
    code = max(tree["builtin_code"], tree["deprecated_builtin_code"])
    return OperatorCode(code, tree["version"], None if custom is None else text(custom))


def _check_custom_options(tree: Tree, size: int, limits: Limits) -> None:
    """Custom options behind the flatbuffer are copied: hold their sum against the limit, as operators can share them."""
    operators = (operator for subgraph in tree["subgraphs"] or () for operator in subgraph["operators"] or ())
    total = sum(operator["large_custom_options_size"] for operator in operators if operator["large_custom_options_offset"] > 1)
    most = limits.max_sharing * size + (1 << 20)
    if total > most:
        expected = f"expected at most {most} bytes (Limits.max_sharing)"
        raise InvalidModel(f"custom options behind the flatbuffer: {expected}, found {total}; the file is damaged")


def _outside(what: str, data: bytes, offset: int, size: int) -> memoryview:
    """Bytes that lie behind the flatbuffer."""
    if offset + size > len(data):
        expected = f"expected bytes {offset} to {offset + size}"
        raise InvalidModel(f"{what}: {expected}, found a file of {len(data)} bytes; it is cut short: download it again")
    return memoryview(data)[offset : offset + size]


def _buffer(index: int, tree: Tree, data: bytes) -> Buffer:
    """A buffer's bytes; an offset of 0 or 1 stands for none, as in LiteRT."""
    if tree["data"] is not None:
        return Buffer(memoryview(tree["data"]))
    if tree["offset"] > 1:
        return Buffer(_outside(f"buffer {index}", data, tree["offset"], tree["size"]), external=True)
    return Buffer(b"")


def _subgraph(index: int, tree: Tree, codes: tuple[OperatorCode, ...], data: bytes) -> Subgraph:
    return Subgraph(
        index=index,
        name=text(tree["name"]),
        tensors=tuple(_tensor(i, index, tensor) for i, tensor in enumerate(tree["tensors"] or ())),
        inputs=_integers(tree["inputs"]),
        outputs=_integers(tree["outputs"]),
        operators=tuple(_operator(i, index, operator, codes, data) for i, operator in enumerate(tree["operators"] or ())),
        debug_metadata_index=tree["debug_metadata_index"],
    )


def _operator(index: int, subgraph: int, tree: Tree, codes: tuple[OperatorCode, ...], data: bytes) -> Operator:
    opcode_index = tree["opcode_index"]
    where = f"subgraph {subgraph}, operator {index}"
    if opcode_index >= len(codes):
        raise InvalidModel(f"{where}: opcode_index is {opcode_index}, expected below {len(codes)}, the file's operator codes")
    code = codes[opcode_index]
    custom_options = b""
    if tree["custom_options"] is not None:
        custom_options = tree["custom_options"].tobytes()
    elif tree["large_custom_options_offset"] > 1:
        what = f"{where}: its custom options"
        custom_options = bytes(_outside(what, data, tree["large_custom_options_offset"], tree["large_custom_options_size"]))
    return Operator(
        index=index,
        name=builtin_name(code.builtin_code) if code.builtin_code != 32 else code.custom_code or "CUSTOM",
        builtin_code=code.builtin_code,
        version=code.version,
        inputs=_integers(tree["inputs"]),
        outputs=_integers(tree["outputs"]),
        options=decode_union(tree["builtin_options"]),
        intermediates=_integers(tree["intermediates"]),
        opcode_index=opcode_index,
        custom_options=custom_options,
        custom_options_format=tree["custom_options_format"],
        mutating_variable_inputs=_integers(tree["mutating_variable_inputs"]),
        options_2=decode_union(tree["builtin_options2"]),
        debug_metadata_index=tree["debug_metadata_index"],
    )


def _tensor(index: int, subgraph: int, tree: Tree) -> Tensor:
    name = text(tree["name"])
    try:
        type_ = TensorType(tree["type"])
    except ValueError:
        raise InvalidModel(
            f"subgraph {subgraph}, tensor {index} ({name}): its type is {tree['type']}, "
            f"expected 0 to {max(TensorType).value}; the file is damaged or newer than this schema"
        ) from None
    return Tensor(
        index=index,
        name=name,
        type=type_,
        shape=_integers(tree["shape"]),
        buffer=tree["buffer"],
        quantization=_quantization(tree["quantization"]),
        is_variable=tree["is_variable"],
        shape_signature=None if tree["shape_signature"] is None else _integers(tree["shape_signature"]),
        sparsity=_sparsity(tree["sparsity"]),
        has_rank=tree["has_rank"],
        variant_tensors=tuple(decode("VariantSubType", variant) for variant in tree["variant_tensors"] or ()),
        external_buffer=tree["external_buffer"],
    )


def _quantization(tree: Tree | None) -> Quantization | None:
    if tree is None:
        return None
    details: Options | None = decode_union(tree["details"])
    return Quantization(
        scale=_array(tree["scale"], _NO_FLOATS),
        zero_point=_array(tree["zero_point"], _NO_INTEGERS),
        quantized_dimension=tree["quantized_dimension"],
        min=_array(tree["min"], _NO_FLOATS),
        max=_array(tree["max"], _NO_FLOATS),
        details=details if details and details.table != "NONE" else None,
    )


def _sparsity(tree: Tree | None) -> Sparsity | None:
    if tree is None:
        return None
    return Sparsity(
        traversal_order=_integers(tree["traversal_order"]),
        block_map=_integers(tree["block_map"]),
        dim_metadata=tuple(
            DimensionMetadata(d["format"], d["dense_size"], _index_vector(d["array_segments"]), _index_vector(d["array_indices"]))
            for d in tree["dim_metadata"] or ()
        ),
    )


def _index_vector(union: Union | None) -> np.ndarray | None:
    if union is None or union.values is None:
        return None
    dtype = {"Int32Vector": np.int32, "Uint16Vector": np.uint16, "Uint8Vector": np.uint8}[union.table]
    return _array(union.values["values"], np.zeros(0, dtype))


def _signature(tree: Tree) -> Signature:
    inputs = {text(entry["name"]): entry["tensor_index"] for entry in tree["inputs"] or ()}
    outputs = {text(entry["name"]): entry["tensor_index"] for entry in tree["outputs"] or ()}
    return Signature(text(tree["signature_key"]), tree["subgraph_index"], inputs, outputs)


def _leads_somewhere(signature: Signature, subgraphs: tuple[Subgraph, ...]) -> bool:
    """Whether all that a signature names is there. LiteRT runs files where it is not, as tools that cut graphs leave them."""
    if signature.subgraph_index >= len(subgraphs):
        return False
    count = len(subgraphs[signature.subgraph_index].tensors)
    return all(index < count for index in (*signature.inputs.values(), *signature.outputs.values()))


def _integers(vector: Any) -> tuple[Any, ...]:
    return () if vector is None else tuple(vector.tolist())


def _array(vector: np.ndarray | None, absent: np.ndarray) -> np.ndarray:
    """The vector, aligned and read-only; `absent` where the file has none."""
    if vector is None:
        return absent
    if not vector.flags.aligned:
        vector = vector.copy()
        vector.flags.writeable = False
    return vector
