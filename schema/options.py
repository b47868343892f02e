"""A table of options as an Options object, and back.

Scalars are ints, floats and bools, strings str, vectors of bytes bytes, other vectors tuples, tables Options. What a file
leaves out has the schema's default: a number, "", b"", (), and None for a table.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from .errors import InvalidModel
from .layout import Field, layout
from .model import NO_OPTIONS, Options
from .verifier import Tree, Union


def text(value: bytes | None) -> str:
    """A string of the file as str; bytes that are not UTF-8 become lone surrogates, which `raw` turns back."""
    return "" if value is None else value.decode("utf-8", "surrogateescape")


def raw(value: str) -> bytes:
    """The bytes that `text` made a str of."""
    return value.encode("utf-8", "surrogateescape")


def decode(table: str, tree: Tree) -> Options:
    """The Options of a table's tree."""
    return Options(table, {field.name: _decode_field(field, tree[field.name]) for field in layout(table).fields})


def decode_union(value: Union | None) -> Options:
    """The Options in a union: NO_OPTIONS where there are none, an empty "UNKNOWN_<number>" where the schema is too old."""
    if value is None or value.number == 0:
        return NO_OPTIONS
    return Options(f"UNKNOWN_{value.number}", {}) if value.values is None else decode(value.table, value.values)


def _decode_field(field: Field, value: Any) -> Any:
    if field.kind == "scalar":
        if not field.vector:
            return value
        if field.scalar == "B":
            return b"" if value is None else value.tobytes()
        return () if value is None else tuple(value.tolist())
    if field.vector:
        one = text if field.kind == "string" else lambda tree: decode(field.child, tree)
        return tuple(map(one, value or ()))
    if field.kind == "string":
        return text(value)
    return None if value is None else decode(field.child, value)


def encode(options: Options) -> Tree:
    """The tree of an Options; fields that it does not name get the schema's default.

    Raises InvalidModel where the schema has no such table, no such field, or the field cannot hold the value.
    """
    try:
        fields = {field.name: field for field in layout(options.table).fields}
    except KeyError:
        raise InvalidModel(f"{options.table} is not a table of this schema and cannot be written") from None
    for name in options.values:
        if name not in fields:
            raise InvalidModel(f"{options.table} has no field {name!r}; it has {', '.join(fields) or 'none'}")
    return {name: _encode_field(options.table, field, options.values) for name, field in fields.items()}


def _encode_field(table: str, field: Field, values: Mapping[str, Any]) -> Any:
    value = values.get(field.name, field.default)
    if value is None:
        return None
    if field.kind == "scalar":
        return _encode_scalar(f"{table}.{field.name}", field, value)
    if field.vector:
        one = raw if field.kind == "string" else encode
        return [one(item) for item in value] or None
    if field.kind == "string":
        return raw(value) or None
    return encode(value)


def _encode_scalar(what: str, field: Field, value: Any) -> Any:
    """A scalar or a vector of them, held against the range of the field's type."""
    if field.vector and isinstance(value, bytes | bytearray | memoryview):
        value = np.frombuffer(value, np.uint8)
    if field.scalar in "?fd":
        return np.asarray(value, np.float32 if field.scalar == "f" else bool) if field.vector else value
    array = np.asarray(value, object if not field.vector or not len(value) else None)
    info = np.iinfo(field.dtype)
    if array.size and not (info.min <= array.min() and array.max() <= info.max):
        raise InvalidModel(f"{what} is {value}: expected {info.dtype} values, {info.min} to {info.max}")
    return array.astype(field.dtype) if field.vector else int(value)
