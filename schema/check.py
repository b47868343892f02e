"""What must hold of a model, beyond what `load` asks for, before it can be run. `load` accepts more, so that it can be shown."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from .enums import TensorType
from .errors import InvalidModel
from .integrity import check_integrity, name_of
from .limits import Limits
from .model import Model, Operator, Quantization, Subgraph, Tensor

SCHEMA_VERSION = 3
_CALLS = {
    "CallOptions": ("subgraph",),
    "CallOnceOptions": ("init_subgraph_index",),
    "IfOptions": ("then_subgraph_index", "else_subgraph_index"),
    "WhileOptions": ("cond_subgraph_index", "body_subgraph_index"),
    "StablehloWhileOptions": ("cond_subgraph_index", "body_subgraph_index"),
    "StablehloCaseOptions": ("branch_subgraph_indices",),
    "StableHLOCompositeOptions": ("decomposition_subgraph_index",),
}
_QUANTIZED = (TensorType.INT8, TensorType.UINT8, TensorType.INT16, TensorType.INT4, TensorType.UINT4, TensorType.INT2)


def check(model: Model, *, limits: Limits | None = None, litert: bool = True) -> None:
    """Check what LiteRT checks when it builds an interpreter, and what it trusts.

    limits   max_tensor_bytes bounds every tensor, max_total_bytes all of them
    litert   whether a quantized_dimension must be below the tensor's rank: LiteRT wants it, TFLM does not look
    Raises InvalidModel, which names subgraph, operator and tensor, what was expected and what was found.
    """
    limits = limits or Limits()
    check_integrity(model, limits)
    if model.version != SCHEMA_VERSION:
        raise InvalidModel(f"the model's schema version is {model.version}, expected {SCHEMA_VERSION}; convert it again")
    if not model.subgraphs:
        raise InvalidModel("the model has no subgraph, expected at least one; convert it again")
    total = 0
    for subgraph in model.subgraphs:
        for tensor in subgraph.tensors:
            total += _check_size(subgraph, tensor, limits)
            _check_quantization(model, subgraph, tensor, litert)
            _check_variable(model, subgraph, tensor)
        _check_order(model, subgraph)
    if total > limits.max_total_bytes:
        _fail(
            "the model", f"tensors of at most {limits.max_total_bytes} bytes (Limits.max_total_bytes)", total, "run a smaller one"
        )
    _check_calls(model, limits)


def calls(operator: Operator) -> Iterator[int]:
    """The subgraphs that an operator calls, by index."""
    for options in (operator.options, operator.options_2):
        for name in _CALLS.get(options.table, ()):
            value = options.values.get(name, 0)
            yield from value if isinstance(value, tuple) else (value,)


def is_constant(model: Model, tensor: Tensor) -> bool:
    """Whether the file holds the tensor's value."""
    return tensor.buffer != 0 and len(model.buffers[tensor.buffer].data) > 0


def _fail(where: str, expected: str, found: object, remedy: str = "convert the model again") -> None:
    raise InvalidModel(f"{where}: expected {expected}, found {found}; {remedy}")


def _check_size(subgraph: Subgraph, tensor: Tensor, limits: Limits) -> int:
    """The bytes of the tensor, one element each."""
    size = math.prod(tensor.shape) * (tensor.type.dtype.itemsize if tensor.type.dtype is not None else 4)
    if size > limits.max_tensor_bytes:
        expected = f"at most {limits.max_tensor_bytes} bytes (Limits.max_tensor_bytes)"
        _fail(name_of(subgraph, tensor), expected, f"{size} for shape {list(tensor.shape)}", "run a smaller model")
    return size


def _check_variable(model: Model, subgraph: Subgraph, tensor: Tensor) -> None:
    if tensor.is_variable and is_constant(model, tensor):
        _fail(name_of(subgraph, tensor), "a variable without data", f"buffer {tensor.buffer}")


def _check_quantization(model: Model, subgraph: Subgraph, tensor: Tensor, litert: bool) -> None:
    """The rules of LiteRT's InterpreterBuilder::ParseQuantization; then that scales and zero points can be computed with."""
    quantization = tensor.quantization
    if quantization is None or (quantization.details and quantization.details.table == "BlockwiseQuantization"):
        return
    count = len(quantization.scale)
    if count == 0:
        return
    where = name_of(subgraph, tensor)
    if len(quantization.zero_point) != count:
        _fail(where, f"as many zero points as scales, {count}", len(quantization.zero_point))
    dimension = quantization.quantized_dimension
    beyond = dimension < 0 or (bool(tensor.shape) and dimension >= len(tensor.shape))
    if beyond and litert:
        _fail(
            where, f"a quantized_dimension below {len(tensor.shape)}, the rank", dimension, "LiteRT refuses it too; TFLM runs it"
        )
    if not beyond and count != 1 and tensor.shape and count != tensor.shape[dimension]:
        _fail(where, f"1 scale or {tensor.shape[dimension]}, the size of dimension {dimension}", count)
    if tensor.type in _QUANTIZED:
        _check_values(where, quantization, zero_allowed=is_constant(model, tensor))


def _check_values(where: str, quantization: Quantization, *, zero_allowed: bool) -> None:
    """A scale of 0 is what converters write for constants that are all zero."""
    scale, zero_point = quantization.scale, quantization.zero_point
    good = np.isfinite(scale) & ((scale >= 0) if zero_allowed else (scale > 0))
    if not good.all():
        _fail(where, "scales that are positive and finite", scale[~good][0])
    inside = (zero_point >= -(1 << 31)) & (zero_point < 1 << 31)
    if not inside.all():
        _fail(where, "zero points that fit into int32", zero_point[~inside][0])


def _check_order(model: Model, subgraph: Subgraph) -> None:
    """Every input of an operator is known before the operator runs, and every tensor is written once."""
    known = {tensor.index for tensor in subgraph.tensors if _is_known(model, tensor)} | set(subgraph.inputs) | {-1}
    written = set(subgraph.inputs)
    for operator in subgraph.operators:
        where = f"subgraph {subgraph.index}, operator {operator.index} ({operator.name})"
        for index in operator.inputs:
            if index not in known:
                tensor = subgraph.tensors[index]
                _fail(where, "inputs that an earlier operator computes", f"tensor {index} ({tensor.name})")
        overlap = set(operator.inputs) & set(operator.outputs)
        if overlap:
            _fail(where, "outputs that are no inputs of the same operator", f"tensor {min(overlap)}")
        for index in operator.outputs:
            name = f"tensor {index} ({subgraph.tensors[index].name})"
            if is_constant(model, subgraph.tensors[index]):
                _fail(where, "outputs that are no constants", name)
            if index in written:
                _fail(where, "outputs that are neither inputs of the graph nor written before", name)
            written.add(index)
        known.update(operator.outputs)


def _is_known(model: Model, tensor: Tensor) -> bool:
    """Whether a tensor has a value before any operator runs; a tensor without elements needs none."""
    return tensor.is_variable or is_constant(model, tensor) or math.prod(tensor.shape) == 0


def _check_calls(model: Model, limits: Limits) -> None:
    """Every subgraph that an operator calls is there, none calls itself even indirectly, and no chain of calls is too long."""
    graph: list[list[int]] = []
    for subgraph in model.subgraphs:
        graph.append([])
        for operator in subgraph.operators:
            for index in calls(operator):
                if not 0 <= index < len(model.subgraphs):
                    where = f"subgraph {subgraph.index}, operator {operator.index} ({operator.name})"
                    _fail(where, f"to call a subgraph below {len(model.subgraphs)}", index)
                graph[-1].append(index)
    heights: dict[int, int] = {}  # of the subgraphs whose calls have been followed to their ends
    for start in range(len(graph)):
        path = [(start, iter(graph[start]))] if start not in heights else []
        while path:
            called = next(path[-1][1], None)
            if called is None:
                index, _ = path.pop()
                heights[index] = 1 + max((heights[c] for c in graph[index]), default=0)
                if heights[index] > limits.max_depth:
                    _fail(f"subgraph {index}", f"calls at most {limits.max_depth} deep (Limits.max_depth)", heights[index])
            elif any(called == index for index, _ in path):
                cycle = [index for index, _ in path][[index for index, _ in path].index(called) :]
                names = [f"{index} ({model.subgraphs[index].name})" for index in [*cycle, called]]
                _fail(f"subgraph {called}", "subgraphs that do not call themselves", " -> ".join(names))
            elif called not in heights:
                path.append((called, iter(graph[called])))
