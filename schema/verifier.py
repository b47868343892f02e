"""Bytes -> a tree of plain values, with every place checked before it is read.

The `flatbuffers` package for Python has no verifier, and its readers follow any offset: out of the file, into other
values, or a million times to the same one. Here each table, vtable, vector, string and union is held against the end of
the file, its alignment and `Limits` first; the rules are those of the verifier that LiteRT runs (flatbuffers verifier.h).

A table becomes a dict {field: value} with every field that the schema knows, in which
    a scalar is an int, float or bool, with the schema's default where the file leaves it out,
    a string is bytes, a vector of scalars a read-only NumPy view into the file, other vectors are lists,
    a union is a Union, and what is absent is None.
Fields that are newer than the schema are skipped, and so is the content of unions of an unknown type, as in LiteRT.
"""

from __future__ import annotations

import struct
from typing import Any, NamedTuple, NoReturn

import numpy as np

from .errors import InvalidModel
from .layout import Field, Layout, layout, union
from .limits import Limits

FILE_IDENTIFIER = b"TFL3"
_MAX_SLOTS = 32  # more than any table of the schema has
_UINT16 = struct.Struct("<H")
_INT32 = struct.Struct("<i")
_UINT32 = struct.Struct("<I")
_REMEDY = "; the file is damaged or was not written by a .tflite writer: download or convert it again"

Tree = dict[str, Any]


class Union(NamedTuple):
    """A union's value: the number of its type, the table's name ("" for an unknown type), its fields."""

    number: int
    table: str
    values: Tree | None


def verify(data: bytes, limits: Limits | None = None) -> Tree:
    """The tree of a whole file: the fields of its Model table.

    data     the file's bytes
    limits   bounds on what is visited
    Raises InvalidModel, which names table, field, byte offset, what was expected and what was found.
    """
    return _Verifier(data, limits or Limits()).root()


class _Verifier:
    def __init__(self, data: bytes, limits: Limits) -> None:
        self.data = data
        self.size = len(data)
        self.max_depth = limits.max_depth
        self.tables_left = min(limits.max_tables, 1000 + self.size // 8)
        self.bytes_left = limits.max_sharing * self.size + (1 << 20)
        self.vtables: dict[int, tuple[int, ...]] = {}

    def root(self) -> Tree:
        if self.size < 8:
            self.fail("a .tflite file", 0, "at least 8 bytes", f"{self.size}")
        if self.data[4:8] != FILE_IDENTIFIER:
            expected = f"expected {FILE_IDENTIFIER!r} in bytes 4 to 7"
            raise InvalidModel(f"not a .tflite file: {expected}, found {self.data[4:8]!r}; give a .tflite model")
        return self.table(layout("Model"), self.offset("the root", 0), 1)

    def fail(self, what: str, place: int, expected: str, found: str) -> NoReturn:
        raise InvalidModel(f"{what} at byte {place}: expected {expected}, found {found}{_REMEDY}")

    def offset(self, what: str, place: int, least: int = 1) -> int:
        """Where the unsigned offset stored at `place`, of at least `least` bytes, leads."""
        if place & 3 or place + 4 > self.size:
            self.fail(what, place, f"an offset, aligned to 4 bytes, inside the file's {self.size} bytes", "none")
        distance = _UINT32.unpack_from(self.data, place)[0]
        if not least <= distance < 1 << 31 or place + distance >= self.size:
            self.fail(what, place, f"an offset to a place inside the file's {self.size} bytes", f"{distance}")
        return place + distance

    def vtable(self, table: str, position: int) -> tuple[int, ...]:
        """The table's fields' distances from its start, by slot; 0 where a field is absent."""
        if position & 3 or position + 4 > self.size:
            self.fail(f"table {table}", position, f"its start aligned to 4 bytes and inside {self.size} bytes", "it is not")
        place = position - _INT32.unpack_from(self.data, position)[0]
        known = self.vtables.get(place)
        if known is not None:
            return known
        if place < 0 or place & 1 or place + 2 > self.size:
            self.fail(f"table {table}", position, "an offset to a vtable inside the file, aligned to 2 bytes", f"byte {place}")
        length = _UINT16.unpack_from(self.data, place)[0]
        if length & 1 or place + length > self.size:
            self.fail(f"vtable of {table}", place, f"an even length that ends inside {self.size} bytes", f"{length}")
        slots = min(max(0, length // 2 - 2), _MAX_SLOTS)  # a vtable may claim thousands, and vtables may overlap
        entries = struct.unpack_from(f"<{slots}H", self.data, place + 4) if slots else ()
        self.vtables[place] = entries
        return entries

    def table(self, of: Layout, position: int, depth: int) -> Tree:
        """The fields of the table at `position`."""
        self.tables_left -= 1
        if self.tables_left < 0 or depth > self.max_depth:
            limit = "max_tables" if self.tables_left < 0 else "max_depth"
            self.fail(f"table {of.table}", position, f"no more tables than the file can hold (Limits.{limit})", "more")
        distances = self.vtable(of.table, position)
        count = len(distances)
        tree: Tree = {}
        for field in of.fields:
            distance = distances[field.slot] if field.slot < count else 0
            if not distance:
                tree[field.name] = field.default
            elif field.kind == "scalar" and not field.vector:
                place = position + distance
                if place + field.struct.size > self.size or place & (field.struct.size - 1):
                    self.fail(f"{of.table}.{field.name}", place, f"an aligned {field.struct.size}-byte value in the file", "none")
                tree[field.name] = field.struct.unpack_from(self.data, place)[0]
            else:
                tree[field.name] = self.reference(of, field, position, distance, distances, depth)
        return tree

    def reference(self, of: Layout, field: Field, position: int, distance: int, distances: tuple[int, ...], depth: int) -> Any:
        """The value that an offset field leads to."""
        what = f"{of.table}.{field.name}"
        target = self.offset(what, position + distance)
        if field.vector:
            return self.vector(what, field, target, depth)
        if field.kind == "string":
            return self.string(what, target)
        if field.kind == "table":
            return self.table(layout(field.child), target, depth + 1)
        type_distance = distances[field.slot - 1]
        number = self.data[position + type_distance] if type_distance and position + type_distance < self.size else 0
        name = union(field.child).get(number, "")
        return Union(number, name, self.table(layout(name), target, depth + 1) if name else None)

    def extent(self, what: str, place: int, item: int) -> int:
        """How many items of `item` bytes the vector at `place` has, all of them inside the file."""
        if place & 3 or place + 4 > self.size:
            self.fail(what, place, f"a vector, aligned to 4 bytes, inside the file's {self.size} bytes", "none")
        count: int = _UINT32.unpack_from(self.data, place)[0]
        if place + 4 + count * item > self.size:
            self.fail(what, place, f"at most {(self.size - place - 4) // item} elements, to the end of the file", f"{count}")
        if what == "Buffer.data":  # never copied
            return count
        self.bytes_left -= count * item
        if self.bytes_left < 0:
            self.fail(what, place, f"at most {self.size} bytes shared in moderation (Limits.max_sharing)", "more")
        return count

    def vector(self, what: str, field: Field, place: int, depth: int) -> Any:
        if field.kind == "scalar":
            count = self.extent(what, place, field.struct.size)
            values = np.frombuffer(self.data, field.dtype, count, place + 4)
            return values != 0 if field.scalar == "?" else values
        count = self.extent(what, place, 4)
        least = 1 if field.kind == "string" else 0  # LiteRT lets a vector's table begin in its own offset: an empty table
        targets = [self.offset(what, place + 4 + 4 * i, least) for i in range(count)]
        if field.kind == "string":
            return [self.string(what, target) for target in targets]
        child = layout(field.child)
        return [self.table(child, target, depth + 1) for target in targets]

    def string(self, what: str, place: int) -> bytes:
        length = self.extent(what, place, 1)
        end = place + 4 + length
        if end >= self.size or self.data[end] != 0:
            self.fail(what, place, "a string that ends with a zero byte inside the file", f"{length} bytes without it")
        return bytes(self.data[place + 4 : end])
