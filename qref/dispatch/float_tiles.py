"""CONV_2D, DEPTHWISE_CONV_2D and FULLY_CONNECTED in float32 as calls: weights packed once, the runtime's order of sums.

Taps outside the image are zeros in a padded copy. XNNPACK and Eigen have them so too; the other kernels leave them out, which
gives the same bits where weights are finite and no sum begins with -0.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from qref.dispatch import tiles
from qref.dispatch.cut import Call
from qref.dispatch.tiles import Constants
from qref.kernels import denormals, float_depthwise, float_lanes, float_tile, strip
from qref.kernels.cpu import LANES
from qref.ops import _eigen as eigen
from qref.ops import conv_2d as conv
from qref.ops import depthwise_conv_2d as depthwise
from qref.ops import fully_connected as fc
from qref.ops._convolution import Axis
from qref.ops.optimized import conv_2d as optimized_conv
from qref.ops.optimized import depthwise_conv_2d as optimized_depthwise
from qref.ops.optimized import fully_connected as optimized_fc
from qref.ops.xnnpack import conv_2d as xnnpack_conv
from qref.ops.xnnpack import depthwise_conv_2d as xnnpack_depthwise
from qref.ops.xnnpack import fully_connected as xnnpack_fc

Calls = list[Call] | None
Arrays = Sequence[np.ndarray]
MOST_BORDER, FEW = 8, 2**20  # times the image, numbers


@dataclass(frozen=True, slots=True)
class Rows:
    """The inputs of a matmul: what each row is made of, in segments, and where that lies in a flat array."""

    x: np.ndarray  # float32 [...]
    pixels: np.ndarray  # int64 [M], where rows begin
    segments: np.ndarray  # int64 [S], where segments begin in a row
    size: int  # of a segment

    @property
    def depth(self) -> int:
        """The numbers of a row."""
        return self.segments.size * self.size

    def split(self, panel: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The segments cut where panels of K end, their sizes, and how many there are up to each end."""
        starts = np.unique([*range(0, self.depth, panel), *range(0, self.depth, self.size)])
        ends = np.append(np.searchsorted(starts, np.arange(panel, self.depth, panel)), starts.size)
        return self.segments[starts // self.size] + starts % self.size, np.diff(starts, append=self.depth), ends

    def gathered(self) -> tuple[Rows, list[Call]]:
        """The same in one segment, and the call that brings them together."""
        if self.segments.size == 1:
            return Rows(self.x, self.pixels + self.segments[0], np.zeros(1, np.int64), self.size), []
        together = np.empty((self.pixels.size, self.segments.size, self.size), np.float32)
        rows = Rows(together.reshape(-1), np.arange(self.pixels.size) * self.depth, np.zeros(1, np.int64), self.depth)
        return rows, [Call(strip.gather, (self.x, self.pixels, self.segments, together))]


@dataclass(frozen=True, slots=True)
class Sums:
    """What is the same in all calls of a matmul: inputs, the bias or zeros, limits and output [M, N]."""

    rows: Rows
    bias: np.ndarray
    limits: np.ndarray
    y: np.ndarray

    def of_tiles(self, w: np.ndarray, columns: tuple[int, int], *, fused: bool, panel: int, rows: slice = slice(None)) -> Call:
        """Columns by tiles; w [columns, K]."""
        pixels, width = self.rows.pixels[rows], vectors_of(len(w))
        each = together(pixels.size, float_tile.ROWS[len(width)])
        matrix = (self.rows.x, pixels, *self.rows.split(panel), packed(w, len(width)), width, tuple(range(each)))
        kernel = float_tile.fused_matmul if fused else float_tile.matmul
        return Call(kernel, (*matrix, self._bias(columns, len(width)), columns, self.limits, self.y[rows]))

    def in_lanes(self, w: np.ndarray, columns: tuple[int, int], parts: int, crosswise: bool, panel: int, rows: slice) -> Call:
        """Columns in parts; the rows have one segment."""
        width, depth = vectors_of(len(w)) if parts <= 4 else (0,), self.rows.depth
        depths = np.diff([*range(0, depth, panel), depth])
        order = tuple(range(parts)), crosswise, self._bias(columns, len(width))
        matrix = (self.rows.x, self.rows.pixels[rows], depths, packed(w, len(width)), width)
        return Call(float_lanes.matmul, (*matrix, *order, columns, self.limits, self.y[rows]))

    def _bias(self, columns: tuple[int, int], vectors: int) -> np.ndarray:
        return padded(self.bias[slice(*columns)], vectors * LANES)


def vectors_of(channels: int) -> tuple[int, ...]:
    """The vectors of a panel, (0, 1, ..., V - 1), for so many output channels."""
    cost = {v: (-(-channels // (v * LANES)) * v, -v) for v in float_tile.ROWS}
    return tuple(range(min(cost, key=lambda v: cost[v])))


def together(count: int, sizes: Sequence[int]) -> int:
    """How many of `count` rows make a tile: one of the sizes, and not more than there are."""
    return min((n for n in sizes if n <= count), key=lambda n: -(-count // n) * (n + 1))


def padded(x: np.ndarray, size: int) -> np.ndarray:
    """Numbers [N, ...] and zeros up to a multiple of `size`."""
    each = np.zeros((-(-len(x) // size) * size, *x.shape[1:]), np.float32)
    each[: len(x)] = x
    return each


def packed(w: np.ndarray, vectors: int) -> np.ndarray:
    """Weights [N, K] as tiles read them, [panels, K * V * 16]."""
    panels = padded(w, vectors * LANES).reshape(-1, vectors * LANES, w.shape[1]).swapaxes(1, 2)
    return tiles.aligned(panels).reshape(len(panels), -1)


def bias_of(b: np.ndarray | None, channels: int) -> np.ndarray:
    """The bias, or zeros: they change no sum that began with 0."""
    return np.zeros(channels, np.float32) if b is None else b.reshape(-1)


def limits_of(plan: Any) -> np.ndarray:
    """The least and the greatest output."""
    return np.array([plan.low, plan.high], np.float32)


def image_of(x: np.ndarray, axes: Sequence[Axis], multiplier: int = 1, spare: int = 0) -> tuple[np.ndarray, list[Call]]:
    """The image with a border of zeros where windows leave it, channels repeated, and the calls that fill it.

    spare  numbers behind the last one in memory
    """
    height, width = (axis.padded_size for axis in axes)
    shape = (len(x), height, width, x.shape[3] * multiplier)
    if shape == x.shape and not spare:
        return x, []
    size = math.prod(shape)
    image = tiles.aligned(np.zeros(size + spare, np.float32))[:size].reshape(shape)
    return image, [Call(strip.place, (x, multiplier, axes[0].padding, axes[1].padding, image))]


def places(shape: Sequence[int], axes: Sequence[Axis]) -> tuple[np.ndarray, np.ndarray]:
    """Where windows begin in an image [B, H, W, C], int64 [B * OH * OW], and where taps lie in a window, int64 [KH, KW]."""
    batch, height, width, depth = shape
    (first, second), strides = ([np.arange(a.output_size) * a.stride for a in axes], (width * depth, depth))
    pixels = np.arange(batch)[:, None, None] * height * strides[0] + first[:, None] * strides[0] + second * strides[1]
    rows, columns = (np.arange(a.filter_size) * a.dilation * stride for a, stride in zip(axes, strides))
    return pixels.ravel(), rows[:, None] + columns


def windows(x: np.ndarray, axes: Sequence[Axis], depth: int) -> tuple[Rows, list[Call]]:
    """What the taps of every output position see, `depth` channels from the first on, and the calls that bring it there."""
    image, calls = image_of(x, axes)
    pixels, taps = places(image.shape, axes)
    runs = (
        taps[:, 0].copy() if axes[1].dilation == 1 and depth == x.shape[3] else taps.ravel()
    )  # a row of the filter lies in one piece
    return Rows(image.reshape(-1), pixels, runs, taps.size // runs.size * depth), calls


def pads(axes: Sequence[Axis]) -> bool:
    """Whether a window reaches beyond the image."""
    return any(a.padded_size > a.image_size for a in axes)


def eigen_calls(sums: Sums, w: np.ndarray, l1_bytes: int) -> list[Call]:
    """The product in the order that its sizes decide: see `eigen.matmul`; w [N, K]."""
    (count, columns), depth = sums.y.shape, w.shape[1]
    every = slice(None)
    if count == 1 or columns == 1 or not eigen.is_blocked(count, depth, columns):
        rows, calls = sums.rows.gathered()
        parts = 16 if count == columns == 1 else 4 if count == 1 or columns == 1 else 8
        return [*calls, Sums(rows, sums.bias, sums.limits, sums.y).in_lanes(w, (0, columns), parts, True, depth, every)]
    panel = eigen.panel(depth, max(count, columns), l1_bytes)
    blocked, eights, fours = count // 4 * 4, columns // 8 * 8, columns // 4 * 4
    if eights == columns or not blocked:
        return [sums.of_tiles(w, (0, columns), fused=False, panel=panel)]
    rows, calls = sums.rows.gathered()
    sums = Sums(rows, sums.bias, sums.limits, sums.y)
    for first, last, parts in ((eights, fours, 2), (fours, columns, 4)):
        if first < last:
            calls.append(sums.in_lanes(w[first:last], (first, last), parts, False, panel, slice(blocked)))
    if eights:
        calls.append(sums.of_tiles(w[:eights], (0, eights), fused=False, panel=panel))
    if blocked < count:
        calls.append(sums.of_tiles(w[eights:], (eights, columns), fused=False, panel=panel, rows=slice(blocked, count)))
    return calls


def convolutions(plan: Any, x: np.ndarray, w: np.ndarray, b: np.ndarray | None, y: np.ndarray, fused: bool) -> list[Call]:
    """CONV_2D, each sum over ky, kx, c, group by group."""
    depth, filters = w.shape[3], len(w) // plan.groups
    rows, calls = windows(x, plan.axes, depth)
    sums = Sums(rows, bias_of(b, len(w)), limits_of(plan), y.reshape(rows.pixels.size, -1))
    for group in range(plan.groups):
        columns = group * filters, (group + 1) * filters
        of_group = Rows(rows.x, rows.pixels, rows.segments + group * depth, rows.size)
        weights = w[slice(*columns)].reshape(filters, -1)
        in_group = Sums(of_group, sums.bias, sums.limits, sums.y)
        calls.append(in_group.of_tiles(weights, columns, fused=fused, panel=max(rows.depth, 1)))
    return calls


def depthwise_calls(
    plan: Any, multiplier: int, x: np.ndarray, w: np.ndarray, y: np.ndarray, column_major: bool, kernel: Any, *bias: np.ndarray
) -> list[Call]:
    """DEPTHWISE_CONV_2D; w [KH, KW, C], and what sums begin with and what is added to them."""
    image, calls = image_of(x, plan.axes, multiplier, 0 if w.shape[2] % LANES == 0 else LANES)
    lines, taps = places(image.shape, plan.axes)
    if column_major:
        taps, w = taps.T, w.swapaxes(0, 1)
    stride, width, channels = plan.axes[1].stride, plan.axes[1].output_size, w.shape[2]
    lines = lines.reshape(-1, width)[:, 0].copy()
    if stride == 1 and channels < LANES and LANES % channels == 0 and width % (LANES // channels) == 0:
        w, bias = np.tile(w, LANES // channels), tuple(np.tile(b, LANES // channels) for b in bias)
        width, channels = width * channels // LANES, LANES  # some neighbors fill a vector
    weights = tiles.aligned(padded(w.reshape(-1, channels).T, LANES).reshape(-1, LANES, taps.size).swapaxes(1, 2))
    pixels = tuple(range(together(width, float_depthwise.PIXELS)))
    matrix = (image.reshape(-1), lines, stride * channels, width, taps.ravel(), weights.reshape(len(weights), -1), pixels)
    ends = (0, channels), limits_of(plan), y.reshape(-1, channels)
    return [*calls, Call(kernel, (*matrix, *(padded(b, LANES) for b in bias), *ends))]


def reference_conv_2d(plan: conv.Float32Plan, x: Any, w: Any, b: Any, y: np.ndarray) -> Calls:
    """CONV_2D, products and sums rounded one by one."""
    exact = np.isfinite(w).all() or not pads(plan.axes)
    return convolutions(plan, x, w, b, y, fused=False) if exact else None


def optimized_conv_2d(plan: optimized_conv.Float32Plan, x: Any, w: Any, b: Any, y: np.ndarray) -> Calls:
    """CONV_2D in Eigen's order."""
    rows, calls = windows(x, plan.axes, w.shape[3])
    sums = Sums(rows, bias_of(b, len(w)), limits_of(plan), y.reshape(rows.pixels.size, -1))
    return calls + eigen_calls(sums, w.reshape(len(w), -1), plan.l1_bytes)


def fused_conv_2d(plan: conv.Float32Plan, x: Any, w: Any, b: Any, y: np.ndarray) -> Calls:
    """CONV_2D by fused multiply-add; one filter for each channel in another kernel."""
    if not denormals.SWITCHABLE:
        return None
    if not xnnpack_conv.is_depthwise(w, plan):
        return convolutions(plan, x, w, b, y, fused=True)
    weights = np.moveaxis(w, 0, -1)[..., 0, :]
    column_major = weights[..., 0].size <= xnnpack_conv.MOST_TAPS
    return depthwise_calls(plan, 1, x, weights, y, column_major, float_depthwise.fused_depthwise, bias_of(b, len(w)))


def reference_depthwise_conv_2d(plan: depthwise.Float32Plan, x: Any, w: Any, b: Any, y: np.ndarray) -> Calls:
    """DEPTHWISE_CONV_2D, sums from 0, the bias behind them."""
    if not np.isfinite(w).all() and pads(plan.axes):
        return None
    bias = np.zeros(w.shape[3], np.float32), bias_of(b, w.shape[3])
    return depthwise_calls(plan, plan.depth_multiplier, x, w[0], y, False, float_depthwise.depthwise, *bias)


def optimized_depthwise_conv_2d(plan: depthwise.Float32Plan, x: Any, w: Any, b: Any, y: np.ndarray) -> Calls:
    """DEPTHWISE_CONV_2D, sums from the bias on; scalar code makes the upper limit of NaN."""
    bias = bias_of(b, w.shape[3])
    if ((bias == 0) & np.signbit(bias)).any() or (not np.isfinite(w).all() and pads(plan.axes)):
        return None
    zeros = np.zeros(bias.size, np.float32)
    calls = depthwise_calls(plan, plan.depth_multiplier, x, w[0], y, False, float_depthwise.depthwise, bias, zeros)
    scalar = np.flatnonzero(optimized_depthwise.left_over(*y.shape[2:]))
    lines = y.reshape(-1, y.shape[2] * y.shape[3])
    return [*calls, Call(float_depthwise.replace_nan, (lines, scalar, plan.high))] if scalar.size else calls


def fused_depthwise_conv_2d(plan: depthwise.Float32Plan, x: Any, w: Any, b: Any, y: np.ndarray) -> Calls:
    """DEPTHWISE_CONV_2D by fused multiply-add."""
    if not denormals.SWITCHABLE:
        return None
    bias, order = bias_of(b, w.shape[3]), xnnpack_depthwise.is_column_major(w[0], plan)
    return depthwise_calls(plan, plan.depth_multiplier, x, w[0], y, order, float_depthwise.fused_depthwise, bias)


def row_sums(plan: Any, x: np.ndarray, w: np.ndarray, b: np.ndarray | None, y: np.ndarray) -> Sums:
    """The rows of FULLY_CONNECTED, each in one piece."""
    count, depth = x.size // w.shape[1], w.shape[1]
    rows = Rows(x.reshape(-1), np.arange(count) * depth, np.zeros(1, np.int64), depth)
    return Sums(rows, bias_of(b, len(w)), limits_of(plan), y.reshape(count, len(w)))


def reference_fully_connected(plan: fc.Float32Plan, x: Any, w: Any, b: Any, y: np.ndarray) -> Calls:
    """FULLY_CONNECTED, products and sums rounded one by one."""
    return [row_sums(plan, x, w, b, y).of_tiles(w, (0, len(w)), fused=False, panel=w.shape[1])]


def optimized_fully_connected(plan: optimized_fc.Float32Plan, x: Any, w: Any, b: Any, y: np.ndarray) -> Calls:
    """FULLY_CONNECTED in Eigen's order."""
    return eigen_calls(row_sums(plan, x, w, b, y), w, plan.l1_bytes)


def fused_fully_connected(plan: fc.Float32Plan, x: Any, w: Any, b: Any, y: np.ndarray) -> Calls:
    """FULLY_CONNECTED by fused multiply-add."""
    if not denormals.SWITCHABLE:
        return None
    return [row_sums(plan, x, w, b, y).of_tiles(w, (0, len(w)), fused=True, panel=w.shape[1])]


def _is_bounded(plan: Any, size: int) -> bool:
    """Whether an image with its border takes not much more than the image's `size`."""
    border = math.prod(axis.padded_size / axis.image_size for axis in getattr(plan, "axes", ()))
    return border * size <= max(MOST_BORDER * size, FEW)


def calls_by(make: Callable[..., Calls]) -> Callable[..., Calls]:
    """The calls of an operator (x, w, b); None where weights and bias are not constant or nothing is computed."""

    def calls(plan: Any, constants: Constants, inputs: Constants, outputs: Arrays) -> Calls:
        x, w, b = (*inputs, None)[:3]
        fits = constants[1] is not None and (b is None or constants[2] is not None)
        sizes = [0 if a is None else a.size for a in (x, w, outputs[0])]
        return make(plan, x, w, b, outputs[0]) if fits and all(sizes) and _is_bounded(plan, sizes[0]) else None

    return calls


CALLS: dict[Callable[..., Any], Callable[..., Calls]] = {
    conv.conv_2d_float32: calls_by(reference_conv_2d),
    depthwise.depthwise_conv_2d_float32: calls_by(reference_depthwise_conv_2d),
    fc.fully_connected_float32: calls_by(reference_fully_connected),
    optimized_conv.conv_2d_float32: calls_by(optimized_conv_2d),
    optimized_depthwise.depthwise_conv_2d_float32: calls_by(optimized_depthwise_conv_2d),
    optimized_fc.fully_connected_float32: calls_by(optimized_fully_connected),
    xnnpack_conv.conv_2d_float32: calls_by(fused_conv_2d),
    xnnpack_depthwise.depthwise_conv_2d_float32: calls_by(fused_depthwise_conv_2d),
    xnnpack_fc.fully_connected_float32: calls_by(fused_fully_connected),
}
