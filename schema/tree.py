"""Model -> the tree of plain values that the writer packs; the mirror image of reader.py."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from .errors import InvalidModel
from .layout import union_number
from .model import Buffer, Metadata, Model, Operator, OperatorCode, Options, Quantization, Signature, Sparsity, Subgraph, Tensor
from .options import encode, raw
from .verifier import Tree, Union

_INDEX_VECTORS = {"int32": "Int32Vector", "uint16": "Uint16Vector", "uint8": "Uint8Vector"}


def model_tree(model: Model, external_offsets: list[int]) -> Tree:
    """The tree of a model.

    external_offsets   where in the file the data of each external buffer will be
    """
    offsets = iter(external_offsets)
    return {
        "version": model.version,
        "operator_codes": list(map(_operator_code, model.operator_codes)),
        "subgraphs": list(map(_subgraph, model.subgraphs)),
        "description": raw(model.description),
        "buffers": [_buffer(buffer, next(offsets) if buffer.external else 0) for buffer in model.buffers],
        "metadata_buffer": model.metadata_buffer or None,
        "metadata": list(map(_metadata, model.metadata)) or None,
        "signature_defs": list(map(_signature, model.signatures)) or None,
        "external_buffer_groups": list(map(encode, model.external_buffer_groups)) or None,
        "external_buffers": list(map(encode, model.external_buffers)) or None,
    }


def _operator_code(code: OperatorCode) -> Tree:
    """Codes that fit into 8 bits stand in both fields, so that the oldest and the newest runtime find them."""
    return {
        "deprecated_builtin_code": max(-128, min(code.builtin_code, 127)),
        "custom_code": None if code.custom_code is None else raw(code.custom_code),
        "version": code.version,
        "builtin_code": code.builtin_code,
    }


def _buffer(buffer: Buffer, offset: int) -> Tree:
    if buffer.external:
        return {"offset": offset, "size": len(buffer.data)}
    return {"data": buffer.data if len(buffer.data) else None}


def _metadata(metadata: Metadata) -> Tree:
    return {"name": raw(metadata.name), "buffer": metadata.buffer}


def _signature(signature: Signature) -> Tree:
    return {
        "inputs": [{"name": raw(name), "tensor_index": index} for name, index in signature.inputs.items()],
        "outputs": [{"name": raw(name), "tensor_index": index} for name, index in signature.outputs.items()],
        "signature_key": raw(signature.key),
        "subgraph_index": signature.subgraph_index,
    }


def _subgraph(subgraph: Subgraph) -> Tree:
    return {
        "tensors": list(map(_tensor, subgraph.tensors)),
        "inputs": subgraph.inputs,
        "outputs": subgraph.outputs,
        "operators": [_operator(subgraph, operator) for operator in subgraph.operators],
        "name": raw(subgraph.name) or None,
        "debug_metadata_index": subgraph.debug_metadata_index,
    }


def _operator(subgraph: Subgraph, operator: Operator) -> Tree:
    where = f"subgraph {subgraph.index}, operator {operator.index} ({operator.name})"
    return {
        "opcode_index": operator.opcode_index,
        "inputs": operator.inputs,
        "outputs": operator.outputs,
        "builtin_options": _union(where, "BuiltinOptions", operator.options),
        "custom_options": operator.custom_options or None,
        "custom_options_format": operator.custom_options_format,
        "mutating_variable_inputs": operator.mutating_variable_inputs or None,
        "intermediates": operator.intermediates or None,
        "builtin_options2": _union(where, "BuiltinOptions2", operator.options_2),
        "debug_metadata_index": operator.debug_metadata_index,
    }


def _union(where: str, union: str, options: Options | None) -> Union | None:
    """The union that holds a table of options; what was not understood when read cannot be written."""
    if options is None or options.table == "NONE":
        return None
    try:
        return Union(union_number(union, options.table), options.table, encode(options))
    except KeyError:
        remedy = "this schema does not know that table" if options.table.startswith("UNKNOWN_") else "use a table of that union"
        raise InvalidModel(f"{where}: {options.table} is not in {union} and cannot be written; {remedy}") from None


def _tensor(tensor: Tensor) -> Tree:
    return {
        "shape": tensor.shape,
        "type": int(tensor.type),
        "buffer": tensor.buffer,
        "name": raw(tensor.name),
        "quantization": _quantization(tensor),
        "is_variable": tensor.is_variable,
        "sparsity": None if tensor.sparsity is None else _sparsity(tensor.sparsity),
        "shape_signature": tensor.shape_signature,
        "has_rank": tensor.has_rank,
        "variant_tensors": list(map(encode, tensor.variant_tensors)) or None,
        "external_buffer": tensor.external_buffer,
    }


def _quantization(tensor: Tensor) -> Tree | None:
    quantization: Quantization | None = tensor.quantization
    if quantization is None:
        return None
    return {
        "min": _vector(quantization.min),
        "max": _vector(quantization.max),
        "scale": _vector(quantization.scale),
        "zero_point": _vector(quantization.zero_point),
        "details": _union(f"tensor {tensor.index} ({tensor.name})", "QuantizationDetails", quantization.details),
        "quantized_dimension": quantization.quantized_dimension,
    }


def _sparsity(sparsity: Sparsity) -> Tree:
    return {
        "traversal_order": sparsity.traversal_order,
        "block_map": sparsity.block_map or None,
        "dim_metadata": [
            {
                "format": level.format,
                "dense_size": level.dense_size,
                "array_segments": _index_vector(level.array_segments),
                "array_indices": _index_vector(level.array_indices),
            }
            for level in sparsity.dim_metadata
        ],
    }


def _index_vector(indices: np.ndarray | None) -> Union | None:
    if indices is None:
        return None
    table = _INDEX_VECTORS.get(indices.dtype.name)
    if table is None:
        raise InvalidModel(f"the index vectors of a sparse tensor are int32, uint16 or uint8, found {indices.dtype}")
    return Union(union_number("SparseIndexVector", table), table, {"values": indices})


def _vector(values: Iterable[Any]) -> np.ndarray | None:
    array = np.asarray(values)
    return array if array.size else None
