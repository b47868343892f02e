"""SPARSE_TO_DENSE: a tensor of one default value, with given values at given coordinates; the last one stays.

Layout   coordinates [], [n] or [n, k] int32 or int64, shape [k] int32 or int64, values [] or [n], default [] -> y of that shape
Types    values, default, y float32, int8, uint8, int32 or int64; alike
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qref.schema.enums import TensorType

from ._movement import INDEX, copied, index_vector
from .gather_nd import split_coordinates
from .node import Node, Prepared, Shape

TYPES = (TensorType.FLOAT32, TensorType.INT8, TensorType.UINT8, TensorType.INT32, TensorType.INT64)


@dataclass(frozen=True, slots=True)
class SparseToDensePlan:
    """The shape of y, and the operator's name for messages."""

    output_shape: Shape
    name: str


def prepare(node: Node) -> Prepared:
    """Check the operands and derive the plan."""
    coordinates, shape, values, default = (node.input(position) for position in range(4))
    node.expect_type(coordinates, *INDEX)
    copied(node, values, *TYPES)
    node.expect_type(default, values.type)
    wanted = index_vector(node, shape)
    node.resize(0, wanted)
    node.expect(len(shape.shape) == 1 and len(wanted) > 0, f"{shape} has shape {list(shape.shape)}; expected a vector")
    node.expect(default.shape == (), f"{default} has shape {list(default.shape)}; expected a scalar, of shape []")
    count = coordinates.shape[0] if coordinates.shape else 1
    depth = coordinates.shape[1] if len(coordinates.shape) == 2 else 1
    fits = len(coordinates.shape) <= 2 and depth == len(wanted)
    node.expect(fits, f"{coordinates} of shape {list(coordinates.shape)} does not hold coordinates of {len(wanted)} dimensions")
    node.expect(values.shape in ((), (count,)), f"{values} has shape {list(values.shape)}; expected [] or [{count}]")
    return Prepared(sparse_to_dense, SparseToDensePlan(wanted, str(node)))


def sparse_to_dense(
    coordinates: np.ndarray, shape: np.ndarray, values: np.ndarray, default: np.ndarray, plan: SparseToDensePlan
) -> np.ndarray:
    """Return y; InputError where a coordinate is out of range."""
    y = np.full(plan.output_shape, default)
    where = split_coordinates(coordinates.reshape(-1, y.ndim), y.shape, plan.name)
    for position, value in zip(zip(*where), np.broadcast_to(values, len(where[0]))):
        y[position] = value
    return y
