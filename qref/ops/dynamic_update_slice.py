"""DYNAMIC_UPDATE_SLICE: x with a box overwritten, at a place that is clamped so that the box fits.

Layout   x [...], update [... no larger], start [rank of x] int32 or int64 -> y like x; at most 8 dimensions
Types    every type; x, update and y alike
"""

from __future__ import annotations

import numpy as np

from ._movement import EVERY_TYPE, INDEX, copied, explain_copy
from .node import Node, Prepared

MAX_RANK = 8


def prepare(node: Node) -> Prepared:
    """Check the operands; there is nothing to derive."""
    x, update, start = node.input(0), node.input(1), node.input(2)
    copied(node, x, *EVERY_TYPE)
    node.expect_type(update, x.type)
    node.expect_type(start, *INDEX)
    rank = len(x.shape)
    node.expect(rank <= MAX_RANK, f"{x} has {rank} dimensions; at most {MAX_RANK} can be updated")
    node.expect(start.shape == (rank,), f"{start} has shape {list(start.shape)}; expected [{rank}]")
    fits = len(update.shape) == rank and all(a <= b for a, b in zip(update.shape, x.shape))
    node.expect(fits, f"update {update} of shape {list(update.shape)} does not fit into {list(x.shape)}")
    node.resize(0, x.shape)
    return Prepared(dynamic_update_slice, None, explain_copy(dynamic_update_slice, 0, 1))


def dynamic_update_slice(x: np.ndarray, update: np.ndarray, start: np.ndarray, plan: None) -> np.ndarray:
    """Return y."""
    y = x.copy()
    places = (min(max(int(s), 0), n - m) for s, n, m in zip(start, x.shape, update.shape))
    y[tuple(slice(s, s + m) for s, m in zip(places, update.shape))] = update
    return y
