"""CONV_3D of LiteRT's optimized kernels: float32 sums in Eigen's order.

Source   LiteRT, conv3d.cc; facts verified in tests/conformance
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qref.ops import conv_3d as base
from qref.ops._convolution import Axis, patches
from qref.ops._eigen import l1_cache_bytes, matmul
from qref.ops._matmul import finish_float32
from qref.ops.node import Node, Prepared


@dataclass(frozen=True, slots=True)
class Conv3DPlan:
    """Windows and limits, and what decides where long sums are split."""

    axes: tuple[Axis, ...]  # depth, height, width
    low: np.float32
    high: np.float32
    l1_bytes: int


def prepare(node: Node) -> Prepared:
    """Check the operands and derive the plan."""
    plan = base.prepare(node).plan
    return Prepared(conv_3d, Conv3DPlan(plan.axes, plan.low, plan.high, l1_cache_bytes()))


def conv_3d(x: np.ndarray, w: np.ndarray, b: np.ndarray | None, plan: Conv3DPlan) -> np.ndarray:
    """Return y [B, OD, OH, OW, O]: products of patches and weights in Eigen's order, then the bias, then the clamp."""
    rows = patches(x, plan.axes)
    shape = (len(x), *(axis.output_size for axis in plan.axes), w.shape[-1])
    with np.errstate(all="ignore"):
        acc = matmul(rows.reshape(-1, rows.shape[-1]), np.moveaxis(w, 4, 0).reshape(w.shape[4], -1), plan.l1_bytes)
    return finish_float32(acc.reshape(shape), b, plan.low, plan.high)
