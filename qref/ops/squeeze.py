"""SQUEEZE: x without its dimensions of 1, or without those that squeeze_dims names.

Layout   x [...] -> y; at most 8 dimensions
Types    every type; x and y alike
"""

from __future__ import annotations

import numpy as np

from qref.schema.enums import TensorType

from ._movement import axes_of, copied, explain_copy
from .node import Node, Prepared, Shape

MAX_RANK = 8


def prepare(node: Node) -> Prepared:
    """Check the operands and derive the output's shape."""
    x = node.input(0)
    copied(node, x, *TensorType)
    node.expect(len(x.shape) <= MAX_RANK, f"{x} has {len(x.shape)} dimensions; at most {MAX_RANK} can be squeezed")
    axes = axes_of(node, node.options.get("squeeze_dims", ()), len(x.shape))
    for axis in axes:
        node.expect(x.shape[axis] == 1, f"{x} of shape {list(x.shape)}: only a dimension of 1 can be squeezed, not axis {axis}")
    gone = axes or tuple(i for i, n in enumerate(x.shape) if n == 1)
    node.resize(0, [n for i, n in enumerate(x.shape) if i not in gone])
    return Prepared(squeeze, node.output().shape, explain_copy(squeeze, 0))


def squeeze(x: np.ndarray, output_shape: Shape) -> np.ndarray:
    """Return y."""
    return np.array(x).reshape(output_shape)
