"""BROADCAST_TO: x repeated along its axes of 1, and along new ones in front, to a given shape.

Layout   x [...], shape [n] int32 or int64 -> y of that shape; at most 8 dimensions
Types    every type; x and y alike
"""

from __future__ import annotations

import numpy as np

from ._movement import EVERY_TYPE, copied, explain_copy, index_vector
from .node import Node, Prepared, Shape

MAX_RANK = 8


def prepare(node: Node) -> Prepared:
    """Check the operands and derive the output's shape."""
    x, shape = node.input(0), node.input(1)
    copied(node, x, *EVERY_TYPE)
    wanted = index_vector(node, shape)
    node.expect(len(wanted) <= MAX_RANK, f"{shape} asks for {len(wanted)} dimensions; at most {MAX_RANK} are allowed")
    behind = wanted[len(wanted) - len(x.shape) :] if len(wanted) >= len(x.shape) else ()
    fits = len(wanted) >= len(x.shape) and all(have in (1, want) for have, want in zip(x.shape, behind))
    node.expect(fits, f"{x} of shape {list(x.shape)} cannot be broadcast to {list(wanted)}")
    node.resize(0, wanted)
    return Prepared(broadcast_to, wanted, explain_copy(broadcast_to, 0))


def broadcast_to(x: np.ndarray, shape: np.ndarray, output_shape: Shape) -> np.ndarray:
    """Return y."""
    return np.broadcast_to(x, output_shape).copy()
