"""CONV_3D_TRANSPOSE of LiteRT's optimized kernels: products over the channels in Eigen's order, then added where they land.

Source   LiteRT, conv3d_transpose.cc; facts verified in tests/conformance
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from qref.ops import conv_3d_transpose as base
from qref.ops._convolution import Axis, overlaps
from qref.ops._eigen import l1_cache_bytes, matmul
from qref.ops._matmul import finish_float32
from qref.ops.node import Node, Prepared


@dataclass(frozen=True, slots=True)
class Conv3DTransposePlan:
    """Windows and limits, and what decides where long sums are split."""

    axes: tuple[Axis, ...]  # depth, height, width
    low: np.float32
    high: np.float32
    l1_bytes: int


def prepare(node: Node) -> Prepared:
    """Check the operands and derive the plan."""
    plan = base.prepare(node).plan
    return Prepared(conv_3d_transpose, Conv3DTransposePlan(plan.axes, plan.low, plan.high, l1_cache_bytes()))


@np.errstate(all="ignore")
def conv_3d_transpose(
    shape: np.ndarray, w: np.ndarray, x: np.ndarray, b: np.ndarray | None, plan: Conv3DTransposePlan
) -> np.ndarray:
    """Return y [B, OD, OH, OW, O]: for each volume, x . w for all taps; then sums, bias and clamp.

    What meets at an output element is added from 0 in ascending id, iy, ix.
    """
    y = np.zeros((len(x), *(axis.image_size for axis in plan.axes), w.shape[3]), np.float32)
    columns, products = w.reshape(-1, w.shape[4]), np.empty((*x.shape[:4], *w.shape[:4]), np.float32)
    for volume, product in zip(x, products):
        product[...] = matmul(volume.reshape(-1, x.shape[4]), columns, plan.l1_bytes).reshape(product.shape)
    for tap, source, target in overlaps(plan.axes, descending=True):
        place: Any = (*source, *tap)
        y[target] += products[place]
    return finish_float32(y, b, plan.low, plan.high)
