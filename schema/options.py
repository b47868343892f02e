"""A table of options as an Options object, and back.

Scalars are ints, floats and bools, strings str, vectors of bytes bytes, other vectors tuples, tables Options. What a file
leaves out has the schema's default: a number, "", b"", (), and None for a table.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

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

    Raises InvalidModel where the schema has no such table or the table no such field.
    """
    try:
        fields = {field.name: field for field in layout(options.table).fields}
    except KeyError:
        raise InvalidModel(f"{options.table} is not a table of this schema and cannot be written") from None
    for name in options.values:
        if name not in fields:
            raise InvalidModel(f"{options.table} has no field {name!r}; it has {', '.join(fields) or 'none'}")
    return {name: _encode_field(field, options.values.get(name, field.default)) for name, field in fields.items()}


def _encode_field(field: Field, value: Any) -> Any:
    if value is None:
        return None
    if field.kind == "scalar":
        return value if not field.vector or len(value) else None
    if field.vector:
        one = raw if field.kind == "string" else encode
        return [one(item) for item in value] or None
    if field.kind == "string":
        return raw(value) or None
    return encode(value)


def complete(table: str, values: Mapping[str, Any]) -> Options:
    """The Options that a file with these values would load as: every field of the table, the schema's default where not given.

    Raises InvalidModel where the schema has no such table or the table no such field.

    >>> complete("Conv2DOptions", {"stride_w": 2}).dilation_w_factor
    1
    """
    given = Options(table, dict(values))
    encode(given)
    return Options(table, {field.name: _plain(field, values.get(field.name)) for field in layout(table).fields})


def _plain(field: Field, value: Any) -> Any:
    """A value as `decode` would give it: enumerations as int, floats as float32 holds them, vectors as tuples or bytes."""
    if value is None:
        empty = None if field.default is None else field.default
        return _decode_field(field, empty)
    if field.kind != "scalar":
        return tuple(value) if field.vector else value
    if field.vector:
        return bytes(value) if field.scalar == "B" else tuple(field.dtype.type(item).item() for item in value)
    return bool(value) if field.scalar == "?" else field.dtype.type(value).item()
