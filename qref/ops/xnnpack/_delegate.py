"""Which operands the XNNPACK delegate of LiteRT accepts: the parts that the operators' predicates share.

A file of this folder asks these questions in its `prepare` and gives None for a node that the delegate leaves.
Source: LiteRT, xnnpack_delegate.cc; probed in the wheel, operator by operator.
"""

from __future__ import annotations

import numpy as np

from qref.ops.node import Node, Operand
from qref.schema.enums import TensorType

MOST_DIMENSIONS = 6
FOLDED_TYPES = (TensorType.FLOAT16, TensorType.INT8)


def is_float(operand: Operand | None) -> bool:
    """Real numbers."""
    return operand is not None and operand.type in (TensorType.FLOAT32, TensorType.FLOAT16)


def is_float16(operand: Operand | None) -> bool:
    """float16."""
    return operand is not None and operand.type == TensorType.FLOAT16


def is_float32(operand: Operand | None) -> bool:
    """float32."""
    return operand is not None and operand.type == TensorType.FLOAT32


def is_q8(operand: Operand | None, *types: TensorType) -> bool:
    """int8 or uint8 (or one of `types`) with exactly one scale, positive and normal, and quantized_dimension 0."""
    if operand is None or operand.type not in (types or (TensorType.INT8, TensorType.UINT8)) or operand.quantization is None:
        return False
    quantization = operand.quantization
    return quantization.scale.size == 1 and quantization.quantized_dimension == 0 and are_normal(quantization.scale)


def is_float_or_q8(operand: Operand | None) -> bool:
    """Real numbers, or int8 or uint8 with one scale."""
    return is_float(operand) or is_q8(operand)


def are_normal(scales: np.ndarray) -> bool:
    """Every scale is positive, finite and not denormal."""
    return bool((np.isfinite(scales) & (scales >= np.finfo(np.float32).tiny)).all())


def is_static(node: Node, operand: Operand | None) -> bool:
    """Data of the file, or what a DEQUANTIZE makes of such data in float16 or int8: the delegate computes that beforehand."""
    if operand is None:
        return False
    return operand.constant is not None or _is_dequantized_constant(node, operand)


def _is_dequantized_constant(node: Node, operand: Operand) -> bool:
    if operand.type != TensorType.FLOAT32:
        return False
    for subgraph in node.session.subgraphs:
        if operand.tensor.index >= len(subgraph.tensors) or subgraph.tensors[operand.tensor.index] is not operand.tensor:
            continue
        written = {index for operator in subgraph.operators for index in operator.outputs}
        for operator in subgraph.operators:
            if operator.name == "DEQUANTIZE" and operand.tensor.index in operator.outputs and operator.inputs:
                source = operator.inputs[0]
                free = source in written or source in subgraph.inputs
                return not free and subgraph.tensors[source].type in FOLDED_TYPES
    return False


def has_rank(operand: Operand, least: int = 0, most: int = MOST_DIMENSIONS) -> bool:
    """The operand has as many dimensions as the delegate takes, none of them 0, in the shape that the file declares.

    The delegate decides before any shape is computed: an output declared without a shape is one without dimensions.
    """
    return least <= len(operand.tensor.shape) <= most and all(size > 0 for size in operand.tensor.shape)


def has_plain_activation(node: Node) -> bool:
    """No fused activation function, or RELU, RELU6, RELU_N1_TO_1: the delegate takes no other."""
    return node.options.get("fused_activation_function", 0) in (0, 1, 2, 3)


def scale_ratio(operand: Operand, other: Operand) -> np.float32:
    """The quotient of two scales in float32, to be compared with the range that an operator's kernel can represent."""
    with np.errstate(all="ignore"):
        return np.float32(operand.scale / other.scale)


def are_weights(operand: Operand, axis: int) -> bool:
    """Weights of a convolution: float, uint8 with one scale, int8 with one or, without zero points, one for each along axis."""
    if operand.type != TensorType.INT8:
        return is_float(operand) or is_q8(operand, TensorType.UINT8)
    quantization = operand.quantization
    if quantization is None or not are_normal(quantization.scale):
        return False
    per_axis = quantization.quantized_dimension == axis and quantization.scale.size == operand.shape[axis]
    return quantization.scale.size == 1 or (per_axis and not operand.zero_points.any())


def is_bias(node: Node, operand: Operand | None) -> bool:
    """A bias known beforehand: float, or int32 with scales."""
    if operand is None or not is_static(node, operand):
        return False
    return is_float(operand) or (operand.type == TensorType.INT32 and operand.quantization is not None)
