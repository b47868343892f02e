"""TRANSPOSE: x with its axes in another order: axis i of y is axis permutation[i] of x.

Layout   x [...], permutation [rank of x] int32 -> y; at most 8 dimensions
Types    every type; x and y alike
"""

from __future__ import annotations

import numpy as np

from qref.schema.enums import TensorType

from ._movement import EVERY_TYPE, axis_of, copied, explain_copy, index_vector
from .node import Node, Prepared, Shape

MAX_RANK = 8


def prepare(node: Node) -> Prepared:
    """Check the operands and derive the permutation."""
    x, permutation = node.input(0), node.input(1)
    copied(node, x, *EVERY_TYPE)
    rank = len(x.shape)
    node.expect(rank <= MAX_RANK, f"{x} has {rank} dimensions; at most {MAX_RANK} can be transposed")
    axes = tuple(axis_of(node, axis, rank) for axis in index_vector(node, permutation, TensorType.INT32))
    node.expect(sorted(axes) == list(range(rank)), f"permutation {list(axes)} does not name each of {rank} axes once")
    node.resize(0, [x.shape[axis] for axis in axes])
    return Prepared(transpose, axes, explain_copy(transpose, 0))


def transpose(x: np.ndarray, permutation: np.ndarray, axes: Shape) -> np.ndarray:
    """Return y."""
    return x.transpose(axes).copy()
