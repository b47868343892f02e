"""BROADCAST_ARGS: the shape that two shapes broadcast to.

Layout   a [n], b [m] -> y [max(n, m)]
Types    a, b, y int32 or int64; all alike
"""

from __future__ import annotations

import numpy as np

from qref.errors import InputError

from ._movement import INDEX, copied
from .node import Node, Prepared


def prepare(node: Node) -> Prepared:
    """Check the operands; the plan is the operator's name, for messages."""
    a, b = node.input(0), node.input(1)
    copied(node, a, *INDEX)
    node.expect_type(b, a.type)
    node.expect(
        len(a.shape) == len(b.shape) == 1, f"{a} and {b} have shapes {list(a.shape)} and {list(b.shape)}; expected two vectors"
    )
    node.resize(0, (max(a.shape[0], b.shape[0]),))
    return Prepared(broadcast_args, str(node))


def broadcast_args(a: np.ndarray, b: np.ndarray, name: str) -> np.ndarray:
    """Return y; InputError where the shapes do not broadcast."""
    rank = max(len(a), len(b))
    left, right = (np.concatenate([np.ones(rank - len(s), s.dtype), s]) for s in (a, b))
    if not np.all((left == right) | (left == 1) | (right == 1)):
        raise InputError(f"{name}: the shapes {a.tolist()} and {b.tolist()} do not broadcast: dimensions must be equal or 1")
    return np.where(left == 1, right, left)
