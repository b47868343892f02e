"""DEPTH_TO_SPACE: each pixel becomes a block of block_size x block_size pixels of as many times fewer channels.

Layout   x [N, H, W, b b C] -> y [N, H b, W b, C]; channels of x in the order row, column, channel of y
Types    float32, int8, uint8, int32 or int64; x and y alike
"""

from __future__ import annotations

import numpy as np

from ._movement import explain_copy
from .node import Node, Prepared
from .space_to_depth import read_block_size


def prepare(node: Node) -> Prepared:
    """Check the operands and derive the block size."""
    x = node.input(0)
    b = read_block_size(node, x)
    n, height, width, channels = x.shape
    node.expect(channels % (b * b) == 0, f"the {channels} channels of {x} must be a multiple of {b} * {b}")
    node.resize(0, (n, height * b, width * b, channels // (b * b)))
    return Prepared(depth_to_space, b, explain_copy(depth_to_space, 0))


def depth_to_space(x: np.ndarray, b: int) -> np.ndarray:
    """Return y."""
    n, height, width, channels = x.shape
    blocks = x.reshape(n, height, width, b, b, channels // (b * b)).transpose(0, 1, 3, 2, 4, 5)
    return np.array(blocks).reshape(n, height * b, width * b, channels // (b * b))
