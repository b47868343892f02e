"""A .tflite file as Python objects: Model, Subgraph, Operator, Tensor, Quantization, Buffer, Signature, Metadata.

All are frozen and compare by value, arrays included. Indices are those of the file: a tensor is named by its place in
`Subgraph.tensors`, an optional input that is absent by -1, a buffer by its place in `Model.buffers` (0 is the empty buffer).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np

from .enums import TensorType
from .errors import MissingField


class ByValue:
    """Equality of dataclasses that hold arrays: equal in type, every field equal, arrays in dtype, shape and every element."""

    __slots__ = ()
    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        if type(self) is not type(other):
            return NotImplemented
        return all(_equal(getattr(self, f.name), getattr(other, f.name)) for f in fields(self))  # type: ignore[arg-type]


def _equal(a: Any, b: Any) -> bool:
    if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
        return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        return a.keys() == b.keys() and all(_equal(a[key], b[key]) for key in a)
    if isinstance(a, tuple) and isinstance(b, tuple):
        return len(a) == len(b) and all(map(_equal, a, b))
    return bool(a == b or (a != a and b != b))  # a NaN equals a NaN


@dataclass(frozen=True, slots=True, eq=False)
class Quantization(ByValue):
    """What maps a tensor's integers to real numbers: r = scale * (q - zero_point).

    scale              float32 [n], real units per LSB: n = 1 per tensor, n = shape[quantized_dimension] per axis, n = 0 none
    zero_point         int64 [n], LSB
    quantized_dimension  the axis that `scale` runs along
    min, max           float32 [m], the range recorded by calibration; empty where there was none
    details            blockwise, multi-axis or custom quantization (an Options), or None
    """

    scale: np.ndarray
    zero_point: np.ndarray
    quantized_dimension: int = 0
    min: np.ndarray = field(default_factory=lambda: np.zeros(0, np.float32))
    max: np.ndarray = field(default_factory=lambda: np.zeros(0, np.float32))
    details: Options | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Options(ByValue):
    """One options table of the schema, decoded: `options.table` is its name, its fields are attributes in snake_case.

    >>> options = Options("Conv2DOptions", {"stride_w": 2})
    >>> options.stride_w, options.get("dilation_w_factor", 1)
    (2, 1)
    """

    table: str
    values: Mapping[str, Any]

    def __getattr__(self, name: str) -> Any:
        if name in ("table", "values") or name.startswith("__"):  # not yet set, as while unpickling
            raise AttributeError(name)
        try:
            return self.values[name]
        except KeyError:
            raise MissingField(f"{self.table} has no field {name!r}; it has {', '.join(self.values) or 'none'}") from None

    def get(self, name: str, default: Any) -> Any:
        """The field's value, or `default` where the table lacks it."""
        return self.values.get(name, default)


NO_OPTIONS = Options("NONE", {})


@dataclass(frozen=True, slots=True, eq=False)
class DimensionMetadata(ByValue):
    """How one dimension of a sparse tensor is stored: dense (format 0, dense_size) or CSR (format 1, two index arrays)."""

    format: int
    dense_size: int = 0
    array_segments: np.ndarray | None = None
    array_indices: np.ndarray | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Sparsity(ByValue):
    """How a constant tensor's non-zero blocks are laid out (TFLite's SparsityParameters)."""

    traversal_order: tuple[int, ...]
    block_map: tuple[int, ...]
    dim_metadata: tuple[DimensionMetadata, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Tensor(ByValue):
    """A value of the graph: its name, type, shape, quantization and, for a constant, where its data are.

    shape_signature has -1 where a dimension may be resized; None where the file has no signature.
    buffer is an index into Model.buffers.
    """

    index: int
    name: str
    type: TensorType
    shape: tuple[int, ...]
    buffer: int = 0
    quantization: Quantization | None = None
    is_variable: bool = False
    shape_signature: tuple[int, ...] | None = None
    sparsity: Sparsity | None = None
    has_rank: bool = False
    variant_tensors: tuple[Options, ...] = ()
    external_buffer: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Operator(ByValue):
    """A node of the graph.

    name     builtin name as in the schema ("CONV_2D"); for a custom operator its custom code; "UNKNOWN_<code>" for a
             code newer than this schema
    options  its builtin options (table 1 or 2), NO_OPTIONS where the file has none
    """

    index: int
    name: str
    builtin_code: int
    version: int
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: Options = field(default_factory=lambda: NO_OPTIONS)
    intermediates: tuple[int, ...] = ()
    opcode_index: int = 0
    custom_options: bytes = b""
    custom_options_format: int = 0
    mutating_variable_inputs: tuple[bool, ...] = ()
    options_2: Options = field(default_factory=lambda: NO_OPTIONS)
    debug_metadata_index: int = -1


@dataclass(frozen=True, slots=True, eq=False)
class OperatorCode(ByValue):
    """An operator's kind and version, as the file's table of operator codes lists it."""

    builtin_code: int
    version: int = 1
    custom_code: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Subgraph(ByValue):
    """Tensors and the operators between them, in the order of execution."""

    index: int
    name: str
    tensors: tuple[Tensor, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    operators: tuple[Operator, ...]
    debug_metadata_index: int = -1


@dataclass(frozen=True, slots=True, eq=False)
class Buffer(ByValue):
    """Bytes of a constant; `external` tells that they lie behind the flatbuffer (files over 2 GiB) and not in it."""

    data: bytes | memoryview
    external: bool = False

    def __reduce__(self) -> tuple[type[Buffer], tuple[bytes, bool]]:  # a memoryview cannot be pickled
        return Buffer, (bytes(self.data), self.external)


@dataclass(frozen=True, slots=True, eq=False)
class Signature(ByValue):
    """A named way to call a subgraph: argument and result names -> tensor indices."""

    key: str
    subgraph_index: int
    inputs: Mapping[str, int]
    outputs: Mapping[str, int]


@dataclass(frozen=True, slots=True, eq=False)
class Metadata(ByValue):
    """A named buffer that runtimes do not read."""

    name: str
    buffer: int


@dataclass(frozen=True, slots=True, eq=False)
class Model(ByValue):
    """A whole file."""

    version: int
    description: str
    operator_codes: tuple[OperatorCode, ...]
    subgraphs: tuple[Subgraph, ...]
    buffers: tuple[Buffer, ...]
    signatures: tuple[Signature, ...] = ()
    metadata: tuple[Metadata, ...] = ()
    metadata_buffer: tuple[int, ...] = ()
    external_buffer_groups: tuple[Options, ...] = ()
    external_buffers: tuple[Options, ...] = ()

    def data(self, tensor: Tensor) -> np.ndarray | None:
        """The tensor's constant, as `constant` gives it: a read-only array of its shape and dtype; None if it has none."""
        from .constants import constant

        return constant(self, tensor)
