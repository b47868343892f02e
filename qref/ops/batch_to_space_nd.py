"""BATCH_TO_SPACE_ND: the inverse of SPACE_TO_BATCH_ND: batches become places in a block of pixels, then the border is cropped.

Layout   x [N * blocks, H, W, C] or [N * blocks, H, C], block [2 or 1] int32, crops [2 or 1, 2] int32 -> y [N, H', W', C]
Types    every type; x and y alike
Scales   x and y alike for int8, uint8 and int16
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ._movement import explain_copy
from .node import Node, Prepared, Shape
from .space_to_batch_nd import Pairs, read_block


@dataclass(frozen=True, slots=True)
class BatchToSpacePlan:
    """The block, and how much of the spatial axes goes."""

    block: Shape
    crops: Pairs


def prepare(node: Node) -> Prepared:
    """Check the operands and derive the plan."""
    x, block, crops = read_block(node, "crops")
    blocks = math.prod(block)
    node.expect(x.shape[0] % blocks == 0, f"the {x.shape[0]} batches of {x} must be a multiple of the {blocks} places in a block")
    left = [n * b - before - after for n, b, (before, after) in zip(x.shape[1:-1], block, crops)]
    node.expect(min(left) >= 0, f"crops {[list(pair) for pair in crops]} are more than there is of {x}, {list(x.shape)}")
    node.resize(0, (x.shape[0] // blocks, *left, x.shape[-1]))
    return Prepared(batch_to_space, BatchToSpacePlan(block, crops), explain_copy(batch_to_space, 0))


def batch_to_space(x: np.ndarray, block: np.ndarray, crops: np.ndarray, plan: BatchToSpacePlan) -> np.ndarray:
    """Return y."""
    spatial = len(plan.block)
    batches, sizes = x.shape[0] // math.prod(plan.block), x.shape[1:-1]
    places = x.reshape(*plan.block, batches, *sizes, x.shape[-1])
    order = [spatial, *(axis for k in range(spatial) for axis in (spatial + 1 + k, k)), 2 * spatial + 1]
    whole = np.array(places.transpose(order)).reshape(batches, *(n * b for n, b in zip(sizes, plan.block)), x.shape[-1])
    kept = (slice(before, n - after) for n, (before, after) in zip(whole.shape[1:-1], plan.crops))
    return whole[(slice(None), *kept)].copy()
