"""SPACE_TO_DEPTH: each block of block_size x block_size pixels becomes one pixel of as many times the channels.

Layout   x [N, H b, W b, C] -> y [N, H, W, b b C]; channels in the order row, column, channel of x
Types    float32, int8, uint8, int32 or int64; x and y alike
"""

from __future__ import annotations

import numpy as np

from qref.schema.enums import TensorType

from ._movement import copied, explain_copy
from .node import Node, Operand, Prepared

TYPES = (TensorType.FLOAT32, TensorType.INT8, TensorType.UINT8, TensorType.INT32, TensorType.INT64)


def read_block_size(node: Node, x: Operand) -> int:
    """The option block_size; SpecViolation unless it is positive and x has four dimensions."""
    copied(node, x, *TYPES)
    size = node.options.get("block_size", 0)
    node.expect(size > 0, f"block_size is {size}; expected at least 1")
    node.expect(len(x.shape) == 4, f"{x} has shape {list(x.shape)}; expected [N, H, W, C]")
    return size


def prepare(node: Node) -> Prepared:
    """Check the operands and derive the block size."""
    x = node.input(0)
    b = read_block_size(node, x)
    n, height, width, channels = x.shape
    node.expect(height % b == 0 and width % b == 0, f"height and width of {x}, {list(x.shape)}, must be multiples of {b}")
    node.resize(0, (n, height // b, width // b, channels * b * b))
    return Prepared(space_to_depth, b, explain_copy(space_to_depth, 0))


def space_to_depth(x: np.ndarray, b: int) -> np.ndarray:
    """Return y."""
    n, height, width, channels = x.shape
    blocks = x.reshape(n, height // b, b, width // b, b, channels).transpose(0, 1, 3, 2, 4, 5)
    return np.array(blocks).reshape(n, height // b, width // b, b * b * channels)
