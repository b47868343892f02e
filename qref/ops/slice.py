"""SLICE: a box cut out of x.

Layout   x [...], begin [rank of x], size [rank of x] int32 or int64 -> y; a size of -1 takes what is left
Types    every type; x and y alike
"""

from __future__ import annotations

import numpy as np

from ._movement import EVERY_TYPE, copied, explain_copy, index_vector
from .node import Node, Prepared

Box = tuple[slice, ...]


def prepare(node: Node) -> Prepared:
    """Check the operands and derive the box."""
    x, begin, size = node.input(0), node.input(1), node.input(2)
    copied(node, x, *EVERY_TYPE)
    node.expect_type(size, begin.type)
    rank, starts, sizes = len(x.shape), index_vector(node, begin), index_vector(node, size)
    node.expect(len(starts) == len(sizes) == rank, f"begin {list(starts)} and size {list(sizes)}: expected {rank} numbers each")
    box = []
    for axis, (n, start, wanted) in enumerate(zip(x.shape, starts, sizes)):
        length = n - start if wanted == -1 else wanted
        inside = start >= 0 and length >= 0 and start + length <= n
        node.expect(inside, f"begin {start} and size {wanted} leave axis {axis} of {n} elements; a size is -1 or positive")
        box.append(slice(start, start + length))
    node.resize(0, [s.stop - s.start for s in box])
    return Prepared(slice_box, tuple(box), explain_copy(slice_box, 0))


def slice_box(x: np.ndarray, begin: np.ndarray, size: np.ndarray, box: Box) -> np.ndarray:
    """Return y."""
    return x[box].copy()
