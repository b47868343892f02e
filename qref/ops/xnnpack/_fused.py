"""Float32 matmuls as XNNPACK computes them: sums by fused multiply-add that begin with the bias."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from qref.arithmetic.fused import flush_denormals, flushed_fma
from qref.ops._matmul import with_plan
from qref.ops.node import Node, Prepared

from ._float import LIMITS


def fused(node: Node, prepared: Prepared, reference: Any, explain: Any) -> Prepared:
    """The operator prepared for the reference's float32, with another reference and limits that let infinities be."""
    low, high = LIMITS[node.activation]
    plan = with_plan(prepared, low=np.float32(low), high=np.float32(high)).plan
    return Prepared(reference, plan, explain)


def bordered(x: np.ndarray, plan: Any) -> tuple[np.ndarray, Any]:
    """The image [B, H, W, C] with zeros where windows leave it, which take part in the sums, and the plan for it."""
    (top, height), (left, width) = ((axis.padding, axis.image_size) for axis in plan.axes)
    image = np.zeros((len(x), *(axis.padded_size for axis in plan.axes), x.shape[3]), np.float32)
    image[:, top : top + height, left : left + width] = x
    axes = tuple(replace(axis, image_size=axis.padded_size, padding=0) for axis in plan.axes)
    return image, replace(plan, axes=axes)


def start_of(b: np.ndarray | None) -> np.ndarray | float:
    """What sums begin with: the bias, or 0."""
    return 0 if b is None else flush_denormals(b.reshape(-1))


def sequential_matmul(x: np.ndarray, w: np.ndarray, start: np.ndarray | float) -> np.ndarray:
    """Return start + x [..., M, K] . w [..., N, K]T, k ascending."""
    x, w = flush_denormals(x), flush_denormals(w)
    batch = np.broadcast_shapes(x.shape[:-2], w.shape[:-2])
    acc = np.empty((*batch, x.shape[-2], w.shape[-2]), np.float32)
    acc[...] = start
    for k in range(x.shape[-1]):
        acc = flushed_fma(x[..., :, k, None], w[..., None, :, k], acc)
    return acc
