"""What the operators that resize an image share: checks, and the step from output to input pixels."""

from __future__ import annotations

import numpy as np

from qref.schema.enums import TensorType

from .node import Node, Operand


def resize_image(node: Node, smallest: int, *types: TensorType) -> tuple[Operand, int, int]:
    """Check x [N, H, W, C] and size [2], set the output's shape; return x and the new height and width.

    smallest  height or width that the operator takes
    """
    node.expect(len(node.inputs) == 2, f"expected 2 inputs, found {len(node.inputs)}")
    x, size, y = node.input(0), node.input(1), node.output()
    node.expect_type(x, *types)
    node.expect_type(size, TensorType.INT32)
    node.expect(y.type == x.type, f"{y} has type {y.type.name}; expected {x.type.name}, that of {x}")
    node.expect(len(x.shape) == 4, f"{x} has shape {list(x.shape)}; expected [N, H, W, C]")
    node.expect(size.shape == (2,), f"{size} has shape {list(size.shape)}; expected [2], the new height and width")
    height, width = size.value.tolist()
    node.expect(min(height, width) >= smallest, f"new height and width are {height} and {width}; expected {smallest} or more")
    empty = 0 in (x.shape[0], height, width, x.shape[3])
    node.expect(empty or 0 not in x.shape, f"{x} has shape {list(x.shape)}, no pixels to resize to {height} x {width}")
    node.resize(0, (x.shape[0], height, width, x.shape[3]))
    return x, height, width


def float32_step(input_size: int, output_size: int, align_corners: bool) -> np.float32:
    """Input pixels per output pixel; with align_corners the first and last pixels of both meet."""
    if align_corners and output_size > 1:
        return np.float32(input_size - 1) / np.float32(output_size - 1)
    return np.float32(input_size) / np.float32(max(output_size, 1))
