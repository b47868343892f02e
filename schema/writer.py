"""Model -> a .tflite file.

What `load` read, `write` writes: load(write(model)) == model. The same model always gives the same bytes. Constants start
at multiples of 16 bytes, as LiteRT wants them; those marked `external` follow the flatbuffer. A field that has the schema's
default is left out, as every writer does.
"""

from __future__ import annotations

import os
import stat
from typing import Any

import flatbuffers
import flatbuffers.number_types as number_types
import numpy as np
from flatbuffers.builder import BuilderSizeError

from .errors import InvalidModel, QrefError
from .integrity import check_integrity
from .layout import Field, Layout, layout
from .model import Model
from .tree import model_tree
from .verifier import FILE_IDENTIFIER, Tree

BUFFER_ALIGNMENT = 16
_FLAGS = {
    "?": number_types.BoolFlags,
    "b": number_types.Int8Flags,
    "B": number_types.Uint8Flags,
    "h": number_types.Int16Flags,
    "H": number_types.Uint16Flags,
    "i": number_types.Int32Flags,
    "I": number_types.Uint32Flags,
    "q": number_types.Int64Flags,
    "Q": number_types.Uint64Flags,
    "f": number_types.Float32Flags,
    "d": number_types.Float64Flags,
}


def write(model: Model) -> bytes:
    """The bytes of a .tflite file.

    Raises InvalidModel where the model contradicts itself or the format cannot hold it.
    """
    check_integrity(model)
    external = [buffer.data for buffer in model.buffers if buffer.external]
    if not external:
        return _flatbuffer(model, [])
    placeholders = [1 << 40] * len(external)  # as many bytes as the true offsets
    offsets, end = [], len(_flatbuffer(model, placeholders))
    for data in external:
        offsets.append(_aligned(end))
        end = offsets[-1] + len(data)
    parts: list[bytes | memoryview] = [_flatbuffer(model, offsets)]
    end = len(parts[0])
    for offset, data in zip(offsets, external):
        parts += [bytes(offset - end), data]
        end = offset + len(data)
    return b"".join(parts)


def save(model: Model, path: str | os.PathLike[str]) -> None:
    """Write the model to a file: whole, or not at all.

    The bytes go to a new file beside it, which then takes its name; a file already there is replaced only at the end.
    Raises InvalidModel as `write` does, QrefError where the file cannot be written.
    """
    data = write(model)
    try:
        target = os.path.realpath(path)
        if os.path.exists(target) and not stat.S_ISREG(os.stat(target).st_mode):
            raise QrefError(f"{os.fspath(path)}: is not a regular file; give the path of a file to write")
        temporary = os.path.join(os.path.dirname(target), f".{os.path.basename(target)[:200]}.{os.getpid()}.part")
        try:
            with open(temporary, "xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, target)
        except BaseException:
            if os.path.exists(temporary):
                os.unlink(temporary)
            raise
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        remedy = "check the path, its permissions and the free space"
        raise QrefError(f"{os.fspath(path)}: cannot be written ({reason}); {remedy}") from None


def _aligned(position: int) -> int:
    return -(-position // BUFFER_ALIGNMENT) * BUFFER_ALIGNMENT


def _flatbuffer(model: Model, external_offsets: list[int]) -> bytes:
    size = sum(len(buffer.data) for buffer in model.buffers if not buffer.external)
    builder = flatbuffers.Builder(min(size + (64 << 10), 1 << 30))
    try:
        root = _Packer(builder).table(layout("Model"), model_tree(model, external_offsets))
        builder.Finish(root, file_identifier=FILE_IDENTIFIER)
    except BuilderSizeError:
        raise InvalidModel(
            f"the model has {size} bytes of constants, a flatbuffer less than 2**31: mark large buffers external"
        ) from None
    return bytes(builder.Output())


class _Packer:
    """Packs trees, children before parents as flatbuffers are built."""

    def __init__(self, builder: Any) -> None:
        self.builder = builder

    def table(self, of: Layout, tree: Tree) -> int:
        """Pack a table; returns its offset."""
        values: dict[int, Any] = {}
        for field in of.fields:
            value = tree.get(field.name)
            if value is None:
                continue
            if field.kind == "union":
                values[field.slot - 1] = value.number
                values[field.slot] = self.table(layout(value.table), value.values)
            elif field.kind == "scalar" and not field.vector:
                values.setdefault(field.slot, fit(of.table, field, value))
            else:
                values[field.slot] = self.child(of.table, field, value)
        self.builder.StartObject(of.fields[-1].slot + 1 if of.fields else 0)
        for field in of.fields:
            if field.slot not in values:
                continue
            if field.kind == "scalar" and not field.vector:
                self.builder.PrependSlot(_FLAGS[field.scalar], field.slot, values[field.slot], field.default)
            else:
                self.builder.PrependUOffsetTRelativeSlot(field.slot, values[field.slot], 0)
        return int(self.builder.EndObject())

    def child(self, table: str, field: Field, value: Any) -> int:
        """Pack what an offset field leads to; returns its offset."""
        if not field.vector:
            return int(self.builder.CreateString(value)) if field.kind == "string" else self.table(layout(field.child), value)
        if field.kind == "scalar":
            if table == "Buffer":
                self.builder.Prep(BUFFER_ALIGNMENT, len(value))
                return int(self.builder.CreateByteVector(bytes(value)))
            return int(self.builder.CreateNumpyVector(fit(table, field, value)))
        one = self.builder.CreateString if field.kind == "string" else lambda tree: self.table(layout(field.child), tree)
        offsets = [one(item) for item in value]
        self.builder.StartVector(4, len(offsets), 4)
        for offset in reversed(offsets):
            self.builder.PrependUOffsetTRelative(offset)
        return int(self.builder.EndVector())


def fit(table: str, field: Field, value: Any) -> Any:
    """The value in the field's type: a Python scalar, or an array for a vector.

    Raises InvalidModel where the type cannot hold it.
    """
    if field.vector and isinstance(value, bytes | bytearray | memoryview):
        return np.frombuffer(value, np.uint8)
    try:
        array = np.asarray(value) if field.vector and len(value) else np.asarray(value, object)
        if field.scalar in "fd":
            return array.astype(field.dtype) if field.vector else float(value)
        if field.scalar == "?":
            return array.astype(bool) if field.vector else bool(value)
        info = np.iinfo(field.dtype)
        if array.size and not (info.min <= array.min() and array.max() <= info.max):
            raise ValueError
        return array.astype(field.dtype) if field.vector else int(value)
    except (TypeError, ValueError, OverflowError):
        expected = f"{'a vector of ' if field.vector else ''}{'bool' if field.scalar == '?' else field.dtype}"
        raise InvalidModel(f"{table}.{field.name} is {value!r}: expected {expected}") from None
