"""Float32 matmuls as XNNPACK computes them: sums by fused multiply-add that begin with the bias."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from qref.arithmetic.fused import flush_denormals, flushed_fma
from qref.ops._convolution import Axis, Region, Tap, overlaps
from qref.ops._explain_windows import Meeting
from qref.ops._matmul import with_plan
from qref.ops.node import Node, Prepared

from ._float import LIMITS


def fused(node: Node, prepared: Prepared, reference: Any, explain: Any) -> Prepared:
    """The operator prepared for the reference's float32, with another reference and limits that let infinities be."""
    low, high = LIMITS[node.activation]
    plan = with_plan(prepared, low=np.float32(low), high=np.float32(high)).plan
    return Prepared(reference, plan, explain)


def taps_of(sizes: Sequence[int], *, column_major: bool) -> list[Tap]:
    """The positions in a filter of these sizes, along its rows, or down its columns."""
    taps = itertools.product(*map(range, sizes))
    return sorted(taps, key=lambda tap: tap[::-1] if column_major else tap)


def seen(x: np.ndarray, axes: Sequence[Axis], *, column_major: bool = False) -> Iterator[tuple[Tap, np.ndarray]]:
    """Every tap and what it meets at each output position, [B, OH, OW, C]: outside the image zeros, which take part in sums."""
    shape = len(x), *(axis.output_size for axis in axes), x.shape[-1]
    regions: dict[Tap, tuple[Region, Region]] = {tap: (output, image) for tap, output, image in overlaps(axes)}
    for tap in taps_of([axis.filter_size for axis in axes], column_major=column_major):
        met = np.zeros(shape, np.float32)
        if tap in regions:
            output, image = regions[tap]
            met[output] = x[image]
        yield tap, met


def convolution(x: np.ndarray, w: np.ndarray, axes: Sequence[Axis], groups: int, start: np.ndarray | float) -> np.ndarray:
    """Return start + the sums over ky, kx, c of what taps meet, [B, OH, OW, O]; x [B, H, W, groups * C], w [O, KH, KW, C]."""
    filters, depth = len(w) // groups, w.shape[-1]
    acc = np.empty((len(x), *(axis.output_size for axis in axes), groups * filters), np.float32)
    acc[...] = start
    acc = acc.reshape(*acc.shape[:-1], groups, filters)
    for tap, met in seen(x, axes):
        met, weights = met.reshape(*met.shape[:-1], groups, depth), w[:, tap[0], tap[1]].reshape(groups, filters, depth)
        for channel in range(depth):
            acc = flushed_fma(met[..., channel, None], weights[..., channel], acc)
    return acc.reshape(*acc.shape[:-2], groups * filters)


def depthwise(
    x: np.ndarray, w: np.ndarray, axes: Sequence[Axis], multiplier: int, start: np.ndarray | float, *, column_major: bool
) -> np.ndarray:
    """The same for x [B, H, W, C] and w [KH, KW, C * multiplier], every channel with filters of its own."""
    x = np.repeat(x, multiplier, axis=-1)
    acc = np.empty((len(x), *(axis.output_size for axis in axes), x.shape[-1]), np.float32)
    acc[...] = start
    for tap, met in seen(x, axes, column_major=column_major):
        acc = flushed_fma(met, w[tap], acc)
    return acc


def with_zeros(x: np.ndarray, w: np.ndarray, meetings: Sequence[Meeting], every: Iterable[Tap]) -> list[tuple[float, float]]:
    """The numbers that meet at an output element, as Python's, for `every` index into w: zeros where no element of x does."""
    place = {j: i for i, j in meetings}
    return [(x[place[j]].item() if j in place else 0.0, w[j].item()) for j in every]


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
