"""What operators that move data share: the types they take, axes and index vectors, and the parameters of quantized copies."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from qref.schema.enums import TensorType

from .node import Node, Operand, Shape

INDEX = (TensorType.INT32, TensorType.INT64)
QUANTIZED = (TensorType.INT8, TensorType.UINT8, TensorType.INT16)
EVERY_TYPE = (
    TensorType.FLOAT32,
    TensorType.FLOAT16,
    TensorType.FLOAT64,
    TensorType.INT32,
    TensorType.INT64,
    TensorType.UINT32,
    TensorType.UINT16,
    TensorType.BOOL,
    *QUANTIZED,
)


def copied(node: Node, x: Operand, *types: TensorType, position: int = 0) -> Operand:
    """Check that x has one of the types and the output at `position` the same; return that output."""
    y = node.output(position)
    node.expect_type(x, *types)
    node.expect_type(y, x.type)
    return y


def index_vector(node: Node, operand: Operand, *types: TensorType) -> Shape:
    """The integers that an operand of shape [n] or [] holds."""
    node.expect_type(operand, *(types or INDEX))
    node.expect(len(operand.shape) <= 1, f"{operand} has shape {list(operand.shape)}; expected a vector of integers")
    return tuple(operand.value.reshape(-1).tolist())


def index_scalar(node: Node, operand: Operand, *types: TensorType) -> int:
    """The one integer that an operand holds."""
    node.expect_type(operand, *(types or INDEX))
    node.expect(np.prod(operand.shape) == 1, f"{operand} has shape {list(operand.shape)}; expected a single integer")
    return int(operand.value.reshape(-1)[0])


def axis_of(node: Node, axis: int, rank: int) -> int:
    """The axis, counted from the end where negative; SpecViolation if there is no such axis."""
    node.expect(-rank <= axis < rank, f"axis {axis} is out of range for {rank} dimensions; expected {-rank} to {rank - 1}")
    return axis + rank if axis < 0 else axis


def axes_of(node: Node, axes: Sequence[int], rank: int) -> Shape:
    """The axes in ascending order, each once."""
    return tuple(sorted({axis_of(node, axis, rank) for axis in axes}))


def parameters(operand: Operand) -> tuple[float, int]:
    """Scale and zero point as LiteRT holds them for a tensor quantized per tensor; (0, 0) for any other."""
    if operand.quantization is None or operand.scales.size != 1:
        return 0.0, 0
    return float(operand.scales[0]), int(operand.zero_points[0])


def expect_same_parameters(node: Node, x: Operand, y: Operand) -> None:
    """SpecViolation unless x and y have the same scale and zero point, as a copy of their integers needs."""
    expected, found = parameters(x), parameters(y)
    node.expect(
        expected == found, f"{x} has scale and zero point {expected}, {y} {found}; they must be equal: the values are copied"
    )
