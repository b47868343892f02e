"""SPACE_TO_BATCH_ND: x is padded, and its pixels are dealt out, by their place in a block, to block_height * block_width batches.

Layout   x [N, H, W, C] or [N, H, C], block [2 or 1] int32, paddings [2 or 1, 2] int32 -> y [N * blocks, H', W', C]
Types    every type; x and y alike
Scales   x and y alike for int8, uint8 and int16; padding holds the zero point of y, which stands for 0.0
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from qref.schema.enums import TensorType

from ._movement import EVERY_TYPE, QUANTIZED, copied, expect_same_parameters, explain_copy, index_vector, parameters
from .node import Node, Operand, Prepared, Shape

Pairs = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class SpaceToBatchPlan:
    """The block, the padding of the spatial axes, and what the padding holds."""

    block: Shape
    paddings: Pairs
    value: int


def read_block(node: Node, borders_name: str) -> tuple[Operand, Shape, Pairs]:
    """The input x, the block and the paddings or crops; SpecViolation unless they fit one another."""
    x, block, borders = node.input(0), node.input(1), node.input(2)
    y = copied(node, x, *EVERY_TYPE)
    if x.type in QUANTIZED:
        expect_same_parameters(node, x, y)
    node.expect(len(x.shape) in (3, 4), f"{x} has shape {list(x.shape)}; expected [N, H, W, C] or [N, H, C]")
    spatial = len(x.shape) - 2
    sizes = index_vector(node, block, TensorType.INT32)
    node.expect(len(sizes) == spatial and min(sizes) > 0, f"block {list(sizes)}: expected {spatial} positive numbers")
    node.expect_type(borders, TensorType.INT32)
    node.expect(borders.shape == (spatial, 2), f"{borders} has shape {list(borders.shape)}; expected [{spatial}, 2]")
    pairs = tuple((int(before), int(after)) for before, after in borders.value)
    node.expect(all(n >= 0 for pair in pairs for n in pair), f"{borders_name} {[list(p) for p in pairs]}: none may be negative")
    return x, sizes, pairs


def prepare(node: Node) -> Prepared:
    """Check the operands and derive the plan."""
    x, block, paddings = read_block(node, "paddings")
    padded = [n + before + after for n, (before, after) in zip(x.shape[1:-1], paddings)]
    divides = all(n % b == 0 for n, b in zip(padded, block))
    node.expect(divides, f"the padded height and width {padded} of {x} must be multiples of the block {list(block)}")
    node.resize(0, (x.shape[0] * math.prod(block), *(n // b for n, b in zip(padded, block)), x.shape[-1]))
    return Prepared(
        space_to_batch, SpaceToBatchPlan(block, paddings, parameters(node.output())[1]), explain_copy(space_to_batch, 0)
    )


def space_to_batch(x: np.ndarray, block: np.ndarray, paddings: np.ndarray, plan: SpaceToBatchPlan) -> np.ndarray:
    """Return y."""
    padded = np.pad(x, ((0, 0), *plan.paddings, (0, 0)), constant_values=plan.value)
    spatial = len(plan.block)
    inner = [part for n, b in zip(padded.shape[1:-1], plan.block) for part in (n // b, b)]
    blocks = padded.reshape(x.shape[0], *inner, x.shape[-1])
    places, pixels = range(2, 2 * spatial + 1, 2), range(1, 2 * spatial, 2)
    y = blocks.transpose(*places, 0, *pixels, 2 * spatial + 1)
    return np.array(y).reshape(x.shape[0] * math.prod(plan.block), *inner[::2], x.shape[-1])
