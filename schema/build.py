"""Models made in a few lines, for tests, examples and tools.

>>> import numpy as np
>>> from qref.schema import GraphBuilder, TensorType
>>> graph = GraphBuilder()
>>> x = graph.input("x", TensorType.INT8, (1, 4), scale=0.1)
>>> w = graph.constant("w", np.ones((2, 4), np.int8), scale=[0.5, 0.25], quantized_dimension=0)
>>> y = graph.tensor("y", TensorType.INT8, (1, 2), scale=0.2, zero_point=3)
>>> _ = graph.operator("FULLY_CONNECTED", [x, w, -1], [y], ("FullyConnectedOptions", {}), version=4)
>>> model = graph.model(outputs=[y])
>>> model.subgraphs[0].operators[0].name
'FULLY_CONNECTED'
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .constants import pack
from .enums import CUSTOM, TensorType, builtin_code
from .errors import InvalidModel
from .integrity import check_integrity
from .layout import union
from .model import NO_OPTIONS, Buffer, Metadata, Model, Operator, OperatorCode, Options, Quantization, Signature, Subgraph, Tensor
from .options import complete

SCHEMA_VERSION = 3


@dataclass
class _Shared:
    """What all subgraphs of one model have in common."""

    buffers: list[Buffer] = field(default_factory=lambda: [Buffer(b"")])
    codes: list[OperatorCode] = field(default_factory=list)
    graphs: list[GraphBuilder] = field(default_factory=list)
    signatures: list[Signature] = field(default_factory=list)
    metadata: list[Metadata] = field(default_factory=list)


class GraphBuilder:
    """Builds a Model, tensor by tensor and operator by operator; `subgraph` gives a builder for a further subgraph.

    Tensors are named by the index that the method which makes them returns, as in the file.
    """

    def __init__(self, name: str = "main", *, _shared: _Shared | None = None) -> None:
        self.name = name
        self._shared = _shared or _Shared()
        self.index = len(self._shared.graphs)
        self._shared.graphs.append(self)
        self._tensors: list[Tensor] = []
        self._operators: list[Operator] = []
        self._inputs: list[int] = []
        self._outputs: list[int] = []

    def tensor(
        self,
        name: str,
        type: TensorType = TensorType.FLOAT32,
        shape: Sequence[int] = (),
        *,
        scale: float | Sequence[float] | np.ndarray | None = None,
        zero_point: int | Sequence[int] | np.ndarray = 0,
        quantized_dimension: int = 0,
        quantization: Quantization | None = None,
        **fields: Any,
    ) -> int:
        """Add a tensor.

        scale, zero_point   one number per tensor, or one for each slice along quantized_dimension; scale None: not quantized
        quantization        instead of the three above
        fields              any other field of Tensor: buffer, is_variable, shape_signature, sparsity, ...
        Returns its index.
        """
        if quantization is None and scale is not None:
            scales = np.atleast_1d(np.asarray(scale, np.float32))
            zero_points = np.broadcast_to(np.asarray(zero_point, np.int64), scales.shape).copy()
            quantization = Quantization(scales, zero_points, quantized_dimension)
        index = len(self._tensors)
        sizes = tuple(int(size) for size in shape)
        self._tensors.append(Tensor(index, name, TensorType(type), sizes, quantization=quantization, **fields))
        return index

    def input(self, name: str, type: TensorType = TensorType.FLOAT32, shape: Sequence[int] = (), **tensor: Any) -> int:
        """Add a tensor, as `tensor` does, that is the next input of the subgraph; returns its index."""
        self._inputs.append(self.tensor(name, type, shape, **tensor))
        return self._inputs[-1]

    def variable(self, name: str, type: TensorType = TensorType.FLOAT32, shape: Sequence[int] = (), **tensor: Any) -> int:
        """Add a tensor, as `tensor` does, that keeps its value from one invoke to the next; returns its index."""
        return self.tensor(name, type, shape, is_variable=True, **tensor)

    def constant(
        self,
        name: str,
        array: Any,
        type: TensorType | None = None,
        *,
        data: bytes | None = None,
        external: bool = False,
        **tensor: Any,
    ) -> int:
        """Add a tensor with data.

        array      its value, of its shape
        type       by default that of the array's dtype; needed for 4-bit, 2-bit, BFLOAT16 and FLOAT8 types
        data       the buffer's bytes, where they are not simply the packed array (sparse tensors)
        external   whether the data lie behind the flatbuffer
        tensor     as for `tensor`
        Returns its index.
        """
        values = np.asarray(array)
        if type is None:
            type = _type_of(values.dtype)
        buffer = self._buffer(pack(values, type) if data is None else data, external)
        return self.tensor(name, type, values.shape, buffer=buffer, **tensor)

    def operator(
        self,
        name: str,
        inputs: Sequence[int | None],
        outputs: Sequence[int],
        options: Options | tuple[str, Mapping[str, Any]] | None = None,
        *,
        version: int = 1,
        custom_code: str | None = None,
        intermediates: Sequence[int] = (),
        custom_options: bytes = b"",
        mutating_variable_inputs: Sequence[bool] = (),
    ) -> int:
        """Add an operator behind those already there.

        name      builtin name, such as "CONV_2D"; "CUSTOM" with a custom_code
        inputs    tensor indices; None or -1 for an optional input that is absent
        options   an options table's name and the fields that differ from the schema's default
        Returns its index. Raises InvalidModel for an unknown table or field, KeyError for an unknown name.
        """
        code = OperatorCode(builtin_code(name), version, custom_code)
        if (code.builtin_code == CUSTOM) != (custom_code is not None):
            raise InvalidModel(f"operator {name}: a custom_code goes with CUSTOM, and only with it")
        if code not in self._shared.codes:
            self._shared.codes.append(code)
        table, values = (options.table, options.values) if isinstance(options, Options) else options or ("NONE", {})
        filled = NO_OPTIONS if table == "NONE" else complete(table, values)
        second = table in union("BuiltinOptions2").values()
        self._operators.append(
            Operator(
                index=len(self._operators),
                name=name if custom_code is None else custom_code,
                builtin_code=code.builtin_code,
                version=version,
                inputs=tuple(-1 if index is None else int(index) for index in inputs),
                outputs=tuple(map(int, outputs)),
                options=NO_OPTIONS if second else filled,
                intermediates=tuple(map(int, intermediates)),
                opcode_index=self._shared.codes.index(code),
                custom_options=bytes(custom_options),
                mutating_variable_inputs=tuple(map(bool, mutating_variable_inputs)),
                options_2=filled if second else NO_OPTIONS,
            )
        )
        return len(self._operators) - 1

    def subgraph(self, name: str) -> GraphBuilder:
        """A builder for a further subgraph of the same model; its `index` is what options refer to."""
        return GraphBuilder(name, _shared=self._shared)

    def outputs(self, *tensors: int) -> None:
        """Say which tensors are the outputs of this subgraph."""
        self._outputs = [int(index) for index in tensors]

    def signature(self, key: str, inputs: Mapping[str, int], outputs: Mapping[str, int]) -> None:
        """Add a named way to call this subgraph: argument and result names -> tensor indices."""
        self._shared.signatures.append(Signature(key, self.index, dict(inputs), dict(outputs)))

    def metadata(self, name: str, data: bytes) -> None:
        """Add a named buffer that runtimes do not read."""
        self._shared.metadata.append(Metadata(name, self._buffer(data, external=False)))

    def model(self, outputs: Sequence[int] | None = None, *, description: str = "") -> Model:
        """The Model with all subgraphs built so far, the first builder's first.

        outputs   of this subgraph, where `outputs` did not say so
        Raises InvalidModel where an index is out of range or a constant's size does not match its shape.
        """
        if outputs is not None:
            self.outputs(*outputs)
        model = Model(
            version=SCHEMA_VERSION,
            description=description,
            operator_codes=tuple(self._shared.codes),
            subgraphs=tuple(graph._subgraph() for graph in self._shared.graphs),
            buffers=tuple(self._shared.buffers),
            signatures=tuple(self._shared.signatures),
            metadata=tuple(self._shared.metadata),
        )
        check_integrity(model)
        return model

    def _buffer(self, data: bytes, external: bool) -> int:
        self._shared.buffers.append(Buffer(data, external))
        return len(self._shared.buffers) - 1

    def _subgraph(self) -> Subgraph:
        return Subgraph(
            index=self.index,
            name=self.name,
            tensors=tuple(self._tensors),
            inputs=tuple(self._inputs),
            outputs=tuple(self._outputs),
            operators=tuple(self._operators),
        )


def _type_of(dtype: np.dtype) -> TensorType:
    """The type whose elements have that dtype and fill whole bytes."""
    if dtype.kind in "OSU":
        return TensorType.STRING
    for type_ in TensorType:
        if type_.dtype == dtype and type_.bits == 8 * dtype.itemsize and type_ is not TensorType.RESOURCE:
            return type_
    raise InvalidModel(f"no tensor type holds {dtype}; convert the array or give the type")
