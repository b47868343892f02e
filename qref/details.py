"""The dictionaries by which tf.lite.Interpreter describes tensors and operators: same keys, same types."""

from __future__ import annotations

from typing import Any

import numpy as np

from qref.ops import Operand
from qref.schema.model import Operator, Sparsity


def tensor_details(operand: Operand) -> dict[str, Any]:
    """name, index, shape, shape_signature, dtype, quantization, quantization_parameters, sparsity_parameters of a tensor."""
    tensor, quantization = operand.tensor, operand.quantization
    shape = np.array(operand.known_shape if operand.known_shape is not None else tensor.shape, np.int32)
    scales = np.zeros(0, np.float32) if quantization is None else quantization.scale
    zero_points = np.zeros(0, np.int32) if quantization is None else operand.zero_points.astype(np.int32)
    return {
        "name": tensor.name,
        "index": tensor.index,
        "shape": shape,
        "shape_signature": shape if tensor.shape_signature is None else np.array(tensor.shape_signature, np.int32),
        "dtype": _numpy_type(operand),
        "quantization": (float(scales[0]), int(zero_points[0])) if len(scales) == 1 else (0.0, 0),
        "quantization_parameters": {
            "scales": scales.copy(),
            "zero_points": zero_points,
            "quantized_dimension": 0 if quantization is None else quantization.quantized_dimension,
            "block_size": _block_size(operand),
        },
        "sparsity_parameters": {} if tensor.sparsity is None else _sparsity(tensor.sparsity),
    }


def operator_details(operator: Operator, operands: list[Operand]) -> dict[str, Any]:
    """index, op_name, inputs, outputs, operand_types, result_types of an operator."""
    return {
        "index": operator.index,
        "op_name": operator.name,
        "inputs": np.array(operator.inputs, np.int32),
        "outputs": np.array(operator.outputs, np.int32),
        "operand_types": [_numpy_type(operands[i]) for i in operator.inputs if i >= 0],
        "result_types": [_numpy_type(operands[i]) for i in operator.outputs if i >= 0],
    }


def _numpy_type(operand: Operand) -> type:
    return operand.type.dtype.type if operand.type.dtype is not None else np.bytes_


def _block_size(operand: Operand) -> int:
    details = operand.tensor.quantization.details if operand.tensor.quantization is not None else None
    return 0 if details is None else int(details.get("block_size", 0))


def _sparsity(sparsity: Sparsity) -> dict[str, Any]:
    return {
        "traversal_order": np.array(sparsity.traversal_order, np.int32),
        "block_map": np.array(sparsity.block_map, np.int32),
        "dim_metadata": [
            {"format": d.format, "dense_size": d.dense_size}
            if d.format == 0
            else {"format": d.format, "array_segments": d.array_segments, "array_indices": d.array_indices}
            for d in sparsity.dim_metadata
        ],
    }
