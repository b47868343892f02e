"""TILE: x repeated along its axes.

Layout   x [...], multiples [rank of x] int32 or int64 -> y
Types    every type; x and y alike
"""

from __future__ import annotations

import numpy as np

from ._movement import EVERY_TYPE, copied, explain_copy, index_vector
from .node import Node, Prepared, Shape


def prepare(node: Node) -> Prepared:
    """Check the operands and derive the multiples."""
    x, multiples = node.input(0), node.input(1)
    copied(node, x, *EVERY_TYPE)
    counts = index_vector(node, multiples)
    node.expect(
        len(counts) == len(x.shape), f"{multiples} holds {len(counts)} numbers; expected {len(x.shape)}, one for each axis"
    )
    node.resize(0, [n * count for n, count in zip(x.shape, counts)])
    return Prepared(tile, counts, explain_copy(tile, 0))


def tile(x: np.ndarray, multiples: np.ndarray, counts: Shape) -> np.ndarray:
    """Return y."""
    return np.array(np.tile(x, counts))
