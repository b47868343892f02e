"""RESIZE_NEAREST_NEIGHBOR: every output pixel is a copy of the nearest input pixel.

Layout   x [N, H, W, C], size [2] int32 (new height and width) -> y [N, size[0], size[1], C]
Types    float32, float16, int8, uint8, int16, uint16, int32, uint32, bool
Scales   of x and y alike; not looked at
Source   LiteRT, reference/resize_nearest_neighbor.h; facts verified in tests/ops/test_resize.py
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qref.arithmetic.fixed_point import round_half_away
from qref.schema.enums import TensorType

from ._movement import explain_copy
from ._resize import float32_step, resize_image
from .node import Node, Prepared

TYPES = (
    TensorType.FLOAT32,
    TensorType.FLOAT16,
    TensorType.INT8,
    TensorType.UINT8,
    TensorType.INT16,
    TensorType.UINT16,
    TensorType.INT32,
    TensorType.UINT32,
    TensorType.BOOL,
)


@dataclass(frozen=True, slots=True)
class NearestNeighborPlan:
    """Which row and which column of the input is nearest to each of the output."""

    rows: np.ndarray  # int64 [new height]
    columns: np.ndarray  # int64 [new width]


def prepare(node: Node) -> Prepared:
    """Check the operands and find the nearest pixels."""
    x, height, width = resize_image(node, 0, *TYPES)
    modes = [bool(node.options.get(name, False)) for name in ("align_corners", "half_pixel_centers")]
    rows, columns = (nearest(before, after, *modes) for before, after in zip(x.shape[1:3], (height, width)))
    return Prepared(resize_nearest_neighbor, NearestNeighborPlan(rows, columns), explain_copy(resize_nearest_neighbor, 0))


def nearest(input_size: int, output_size: int, align_corners: bool, half_pixel_centers: bool) -> np.ndarray:
    """Return floor((i + 1/2 or 0) * step) for each i below output_size, rounded with align_corners; in float32."""
    offset = np.float32(0.5 if half_pixel_centers else 0)
    position = (np.arange(output_size).astype(np.float32) + offset) * float32_step(input_size, output_size, align_corners)
    whole = round_half_away(position) if align_corners else np.floor(position)
    return np.clip(whole.astype(np.int64), 0, max(input_size - 1, 0))


def resize_nearest_neighbor(x: np.ndarray, size: np.ndarray, plan: NearestNeighborPlan) -> np.ndarray:
    """Return y[n, i, j, c] = x[n, rows[i], columns[j], c]."""
    if 0 in x.shape:
        return np.zeros((x.shape[0], len(plan.rows), len(plan.columns), x.shape[3]), x.dtype)
    return x[:, plan.rows[:, None], plan.columns]
