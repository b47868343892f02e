"""Where each field of each table of the TFLite schema lies, learned from the `tflite` bindings themselves.

The bindings are generated from the schema, one reader method per field: a probe that stands in for the bytes notes
which slot a method asks for, which scalar it reads and which table it opens. A table is learned when first needed.
What the bindings lack is declared in newer.py.
"""

from __future__ import annotations

import functools
import importlib
import re
import struct
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from . import newer

_DTYPES = {"int8": "b", "uint8": "B", "int16": "h", "uint16": "H", "int32": "i", "uint32": "I", "int64": "q", "uint64": "Q"}
_UNION_OF = {  # the bindings tell that a field is a union, not of which tables
    "builtin_options": "BuiltinOptions",
    "builtin_options2": "BuiltinOptions2",
    "details": "QuantizationDetails",
    "array_segments": "SparseIndexVector",
    "array_indices": "SparseIndexVector",
}
_NOT_FIELDS = re.compile(r"Init|GetRootAs\w*|\w+BufferHasIdentifier|\w+(Length|IsNone|AsNumpy)|__\w+")


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a table.

    name     as in the schema, snake_case
    slot     its place in the vtable, from 0
    kind     "scalar", "string", "table" or "union"
    vector   whether it holds many of that kind
    scalar   struct format character of a scalar ("?" for a bool), "" for other kinds
    default  a scalar's value where the file leaves it out
    child    name of the table, or of the union, that the field leads to
    """

    name: str
    slot: int
    kind: str
    vector: bool = False
    scalar: str = ""
    default: Any = None
    child: str = ""
    struct: struct.Struct = field(init=False, repr=False, compare=False)
    dtype: np.dtype = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "struct", struct.Struct("<" + (self.scalar or "I")))
        object.__setattr__(self, "dtype", np.dtype("<" + self.scalar.replace("?", "B")) if self.scalar else np.dtype("<u4"))


@dataclass(frozen=True, slots=True)
class Layout:
    """A table's name and its fields, in the order of their slots."""

    table: str
    fields: tuple[Field, ...]


class _Probe:
    """Stands in for flatbuffers.table.Table and notes what a reader method asks of it first; a field is found if `present`."""

    Bytes = b""
    Pos = 0

    def __init__(self, present: bool) -> None:
        self.present = present
        self.slot = -1
        self.kind = ""
        self.scalar = ""

    def Offset(self, vtable_offset: int) -> int:
        self.slot = (vtable_offset - 4) // 2 if self.slot < 0 else self.slot
        return 4 if self.present else 0

    def Get(self, flags: Any, _: int) -> Any:
        if not self.kind:
            self.kind, self.scalar = "scalar", flags.packer_type.format[-1]
        return flags.py_type(0)

    def Vector(self, _: int) -> int:
        return 0

    def Indirect(self, _: int) -> int:
        self.kind = "table"
        return 0

    def String(self, _: int) -> bytes:
        self.kind = "string"
        return b""

    def Union(self, *_: Any) -> None:
        self.kind = "union"


def snake_case(name: str) -> str:
    """The schema's field name from the bindings' method name.

    >>> snake_case("DilationWFactor"), snake_case("Seed2")
    ('dilation_w_factor', 'seed2')
    """
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


def _learn_field(reader: type, method: str) -> Field:
    """The field that one reader method reads."""
    call = getattr(reader, method)
    vector = call.__code__.co_argcount == 2
    arguments = (0,) * vector

    def run(present: bool) -> tuple[_Probe, Any]:
        table, probe = reader(), _Probe(present)
        table._tab = probe
        return probe, call(table, *arguments)

    _, default = run(present=False)
    probe, value = run(present=True)
    name = snake_case(method)
    scalar = "?" if probe.kind == "scalar" and not vector and isinstance(default, bool) else probe.scalar
    child = {"table": type(value).__name__, "union": _UNION_OF.get(name, "")}.get(probe.kind, "")
    return Field(name, probe.slot, probe.kind, vector, scalar, default if scalar and not vector else None, child)


def _declared(name: str, slot: int, type_name: str) -> Field:
    """A field declared in newer.py."""
    vector, base = type_name.startswith("["), type_name.strip("[]")
    if base == "string":
        return Field(name, slot, "string", vector)
    if base in _DTYPES:
        return Field(name, slot, "scalar", vector, _DTYPES[base], None if vector else 0)
    return Field(name, slot, "table", vector, child=base)


def _bindings(name: str) -> Any:
    """The class of the bindings of that name, or None."""
    try:
        return getattr(importlib.import_module(f"tflite.{name}"), name)
    except ModuleNotFoundError:
        return None


@functools.cache
def layout(table: str) -> Layout:
    """The layout of a table of the schema, for example "Conv2DOptions".

    Raises KeyError for a name that is no table of the schema.
    """
    reader = _bindings(table)
    if reader is None or not hasattr(reader, "Init"):
        return Layout(table, tuple(_declared(name, slot, kind) for slot, (name, kind) in enumerate(newer.TABLES[table])))
    methods = [name for name in vars(reader) if not _NOT_FIELDS.fullmatch(name) and name != "_tab"]
    fields = {f.slot: f for f in (_learn_field(reader, name) for name in methods)}
    for slot, name, kind in newer.FIELDS.get(table, ()):
        fields.setdefault(slot, _declared(name, slot, kind))
    return Layout(table, tuple(fields[slot] for slot in sorted(fields)))


@functools.cache
def union(name: str) -> dict[int, str]:
    """The tables that a union can hold, by their number in the file; 0, for none, is left out."""
    members = {code: table for table, code in vars(_bindings(name)).items() if not table.startswith("_") and code != 0}
    return newer.UNIONS.get(name, {}) | members


@functools.cache
def union_number(name: str, table: str) -> int:
    """The number of a table in a union; raises KeyError where the union cannot hold it."""
    return {table: code for code, table in union(name).items()}[table]
