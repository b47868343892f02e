"""FILL: a tensor of one value.

Layout   shape [n] int32 or int64, value [] -> y of that shape
Types    value, y every type; alike
Scales   value and y alike
"""

from __future__ import annotations

import numpy as np

from ._movement import EVERY_TYPE, copied, expect_same_parameters, explain_copy, index_vector
from .node import Node, Prepared, Shape


def prepare(node: Node) -> Prepared:
    """Check the operands and derive the output's shape."""
    shape, value = node.input(0), node.input(1)
    y = copied(node, value, *EVERY_TYPE)
    node.expect(value.shape == (), f"{value} has shape {list(value.shape)}; expected a scalar, of shape []")
    expect_same_parameters(node, value, y)
    node.resize(0, index_vector(node, shape))
    return Prepared(fill, y.shape, explain_copy(fill, 1))


def fill(shape: np.ndarray, value: np.ndarray, output_shape: Shape) -> np.ndarray:
    """Return y."""
    return np.full(output_shape, value)
