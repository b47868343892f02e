"""Boxes of detections and their overlap."""

from __future__ import annotations

import numpy as np


def intersection_over_union(boxes: np.ndarray, box: np.ndarray) -> np.ndarray:
    """The overlap of each of boxes [n, 4] float32 (y1, x1, y2, x2) with one box [4]: 0 to 1; 0 where either has no area."""
    with np.errstate(all="ignore"):
        areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
        area = (box[2] - box[0]) * (box[3] - box[1])
        zero = np.float32(0)
        height = np.maximum(np.minimum(boxes[:, 2], box[2]) - np.maximum(boxes[:, 0], box[0]), zero)
        width = np.maximum(np.minimum(boxes[:, 3], box[3]) - np.maximum(boxes[:, 1], box[1]), zero)
        common = height * width
        return np.where((areas <= 0) | (area <= 0), zero, common / (areas + area - common))
