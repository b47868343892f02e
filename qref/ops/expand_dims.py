"""EXPAND_DIMS: x with a dimension of 1 more.

Layout   x [...], axis [] or [1] int32 or int64 -> y; a negative axis counts from behind the last dimension
Types    every type; x and y alike
Scales   x and y alike
"""

from __future__ import annotations

import numpy as np

from qref.schema.enums import TensorType

from ._movement import axis_of, copied, expect_same_parameters, explain_copy, index_scalar
from .node import Node, Prepared, Shape


def prepare(node: Node) -> Prepared:
    """Check the operands and derive the output's shape."""
    x, axis = node.input(0), node.input(1)
    expect_same_parameters(node, x, copied(node, x, *TensorType))
    position = axis_of(node, index_scalar(node, axis), len(x.shape) + 1)
    node.resize(0, (*x.shape[:position], 1, *x.shape[position:]))
    return Prepared(expand_dims, node.output().shape, explain_copy(expand_dims, 0))


def expand_dims(x: np.ndarray, axis: np.ndarray, output_shape: Shape) -> np.ndarray:
    """Return y."""
    return np.array(x).reshape(output_shape)
