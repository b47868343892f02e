"""REVERSE_V2: x backwards along some axes.

Layout   x [...], axes [n] int32 -> y; at most 8 dimensions
Types    x, y float32, float16, int8, uint8, int16, int32, int64 or bool; alike
"""

from __future__ import annotations

import numpy as np

from qref.schema.enums import TensorType

from ._movement import QUANTIZED, axis_of, copied, explain_copy, index_vector
from .node import Node, Prepared, Shape

MAX_RANK = 8
TYPES = (*QUANTIZED, TensorType.FLOAT32, TensorType.FLOAT16, TensorType.INT32, TensorType.INT64, TensorType.BOOL)


def prepare(node: Node) -> Prepared:
    """Check the operands and derive the axes."""
    x, axis = node.input(0), node.input(1)
    copied(node, x, *TYPES)
    axes = tuple(axis_of(node, a, len(x.shape)) for a in index_vector(node, axis, TensorType.INT32))
    node.expect(len(x.shape) <= MAX_RANK, f"{x} has {len(x.shape)} dimensions; at most {MAX_RANK} can be reversed")
    node.expect(len(set(axes)) == len(axes), f"{axis} names the axes {list(axes)}; each may be named once")
    node.resize(0, x.shape)
    return Prepared(reverse, axes, explain_copy(reverse, 0))


def reverse(x: np.ndarray, axis: np.ndarray, axes: Shape) -> np.ndarray:
    """Return y."""
    return np.flip(x, axes).copy()
