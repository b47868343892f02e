"""DILATE: x with a value between its elements.

Layout   x [...], factors [rank of x] int32, value [] -> y [(n - 1) * factor + 1 along each axis]
Types    every type; x, value and y alike
"""

from __future__ import annotations

import numpy as np

from qref.schema.enums import TensorType

from ._movement import EVERY_TYPE, copied, explain_copy, index_vector
from .node import Node, Prepared, Shape


def prepare(node: Node) -> Prepared:
    """Check the operands and derive the factors."""
    x, factors, value = (node.input(position) for position in range(3))
    copied(node, x, *EVERY_TYPE)
    node.expect_type(value, x.type)
    node.expect(np.prod(value.shape) == 1, f"{value} has shape {list(value.shape)}; expected a single value")
    steps = index_vector(node, factors, TensorType.INT32)
    node.expect(len(steps) == len(x.shape) > 0, f"{factors} holds {len(steps)} factors for the {len(x.shape)} dimensions of {x}")
    node.expect(min(steps) >= 1, f"the factors {list(steps)} must be at least 1")
    node.expect(0 not in x.shape, f"{x} of shape {list(x.shape)} is empty; expected elements")
    node.resize(0, [(n - 1) * step + 1 for n, step in zip(x.shape, steps)])
    return Prepared(dilate, steps, explain_copy(dilate, 0, 2))


def dilate(x: np.ndarray, factors: np.ndarray, value: np.ndarray, steps: Shape) -> np.ndarray:
    """Return y."""
    y = np.full([(n - 1) * step + 1 for n, step in zip(x.shape, steps)], value.reshape(()), x.dtype)
    y[tuple(slice(None, None, step) for step in steps)] = x
    return y
