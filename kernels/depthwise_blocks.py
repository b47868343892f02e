"""How a row of DEPTHWISE_CONV_2D is cut for depthwise_tile.py; no part of it is compiled."""

from __future__ import annotations

import numpy as np

from .cpu import GROUP_BYTES, LANES

BLOCK_BYTES = LANES * GROUP_BYTES


def element_order(depth: int) -> np.ndarray:
    """Which element of a block each lane of each vector of groups belongs to: [depth, LANES]."""
    return np.arange(depth * LANES).reshape(-1, depth, 4).transpose(1, 0, 2).reshape(depth, LANES)
