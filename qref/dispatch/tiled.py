"""CONV_2D, DEPTHWISE_CONV_2D and FULLY_CONNECTED on integers by tiles: all that is known before the first inference.

Each class makes, from weights and bias that are constant, what kernels/tile.py reads, and gives the calls that compute y from x.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from qref.dispatch import tiles
from qref.dispatch.program import Call
from qref.dispatch.tiles import Constants, Run
from qref.kernels import depthwise_tile, strip, tile
from qref.kernels.cpu import COMPILED, LANES
from qref.ops import conv_2d as conv
from qref.ops import depthwise_conv_2d as depthwise
from qref.ops._matmul import IntegerPlan


@dataclass(frozen=True, slots=True)
class ConvolutionTiles:
    """CONV_2D with all that is known before the first inference: the padded image and where the windows lie in it."""

    form: tiles.Form
    image: np.ndarray  # [B, H', W', C], uint8 or int16, the border filled
    pixels: np.ndarray
    segments: tuple[np.ndarray, np.ndarray]  # where they begin in a window, and their groups
    weights: np.ndarray
    vectors: tuple[int, ...]
    channels: tiles.Channels
    output: np.ndarray
    plan: conv.ConvPlan

    @classmethod
    def of(cls, x: np.ndarray, w: np.ndarray, b: np.ndarray | None, plan: conv.ConvPlan) -> ConvolutionTiles | None:
        """For inputs like x; None for a rounding rule that tiles do not know."""
        weights = np.add(w, plan.filter_offset, dtype=np.int16)
        form, vectors = tiles.Form.of(x.dtype, plan.input_offset, weights, splits=True), tiles.vectors_of(len(w))
        rows, columns = plan.axes
        whole = columns.dilation == 1  # a row of the filter is one run in memory
        height, width = (axis.padded_size for axis in plan.axes)
        depth = w.shape[3]
        reach = np.arange(1 if whole else columns.filter_size) * columns.dilation
        segments = ((np.arange(rows.filter_size) * rows.dilation)[:, None] * width + reach) * depth
        windows = weights.reshape(len(w), segments.size, -1)
        panels, parts = tiles.pack(windows, segments.ravel(), form, len(vectors))
        padded = len(panels) * len(vectors) * LANES
        channels = tiles.channels_of(plan.requantize, tiles.start_of(b, weights, form), padded)
        if channels is None:
            return None
        at = np.arange(len(x))[:, None, None] * height
        at = at + np.arange(rows.output_size)[:, None] * rows.stride
        at = (at * width + np.arange(columns.output_size) * columns.stride) * depth
        image = form.image((len(x), height, width, depth))
        return cls(form, image, at.ravel(), parts, panels, vectors, channels, tiles.output_of(plan), plan)

    def calls(self, x: np.ndarray, y: np.ndarray) -> list[Call]:
        """What computes y from x."""
        rows, columns = self.plan.axes
        flat, per_pixel = self.image.reshape(-1), y.reshape(len(self.pixels), -1)
        each = tile.ROWS[len(self.vectors)]
        windows = (flat, self.pixels, *self.segments, self.weights, self.vectors, each)
        return [
            Call(strip.copy, (x, self.form.offset, rows.padding, columns.padding, self.image)),
            Call(tile.matmul, (*windows, self.channels, self.output, per_pixel)),
        ]


@dataclass(frozen=True, slots=True)
class DepthwiseTiles:
    """DEPTHWISE_CONV_2D with all that is known before the first inference."""

    form: tiles.Form
    image: np.ndarray  # [B, H', W', C * M], uint8 or int16, the border filled
    weights: np.ndarray
    channels: tiles.Channels
    output: np.ndarray
    plan: depthwise.DepthwiseConvPlan

    @classmethod
    def of(cls, x: np.ndarray, w: np.ndarray, b: np.ndarray | None, plan: depthwise.DepthwiseConvPlan) -> DepthwiseTiles | None:
        """For inputs like x; None for a rounding rule that tiles do not know."""
        weights = np.moveaxis(w[0].astype(np.int32) + plan.filter_offset, 2, 0)  # [C * M, KH, KW]
        form = tiles.Form.of(x.dtype, plan.input_offset, weights)
        count, rows, columns = weights.shape
        blocks, bands = -(-count // LANES), -(-rows // form.depth)
        channels = tiles.channels_of(plan.requantize, tiles.start_of(b, weights, form), blocks * LANES)
        if channels is None:
            return None
        padded = np.zeros((blocks * LANES, bands * form.depth, columns), form.weight_dtype)
        padded[:count, :rows] = weights
        split = padded.reshape(blocks, LANES, bands, form.depth, columns).transpose(0, 2, 4, 1, 3)
        panels = tiles.aligned(split).view(np.uint8).reshape(blocks, -1)
        height, width = (axis.padded_size for axis in plan.axes)
        beyond = (bands * form.depth - rows) * plan.axes[0].dilation  # rows that a last band reaches and weights of 0 meet
        image = form.image((len(x), height + beyond, width, count))
        return cls(form, image, panels, channels, tiles.output_of(plan), plan)

    def calls(self, x: np.ndarray, y: np.ndarray) -> list[Call]:
        """What computes y from x."""
        (top, left), depth = (axis.padding for axis in self.plan.axes), y.shape[3]
        sizes = tuple((a.output_size, a.filter_size, a.stride, a.dilation) for a in self.plan.axes)
        width = self.plan.axes[1].output_size
        together = range(min(depthwise_tile.OUTPUTS, key=lambda n: -(-width // n) * n))
        return [
            Call(strip.repeat, (x, self.form.offset, self.plan.depth_multiplier, top, left, self.image))
            if self.plan.depth_multiplier > 1
            else Call(strip.copy, (x, self.form.offset, top, left, self.image)),
            Call(
                depthwise_tile.depthwise,
                (self.image, sizes, tuple(together), self.weights, self.channels, self.output, y.reshape(-1, depth)),
            ),
        ]


@dataclass(frozen=True, slots=True)
class RowTiles:
    """FULLY_CONNECTED with all that is known before the first inference."""

    form: tiles.Form
    rows: np.ndarray  # [1, 1, M, K], uint8 or int16
    pixels: np.ndarray
    segments: tuple[np.ndarray, np.ndarray]  # where they begin in a row, and their groups
    weights: np.ndarray
    vectors: tuple[int, ...]
    channels: tiles.Channels
    output: np.ndarray
    plan: IntegerPlan

    @classmethod
    def of(cls, x: np.ndarray, w: np.ndarray, b: np.ndarray | None, plan: IntegerPlan) -> RowTiles | None:
        """For inputs like x and weights [N, K]; None for a rounding rule that tiles do not know."""
        weights, depth = np.add(w, plan.filter_offset, dtype=np.int16), w.shape[1]
        form, vectors = tiles.Form.of(x.dtype, plan.input_offset, weights, splits=True), tiles.vectors_of(len(w))
        panels, segments = tiles.pack(weights[:, None], np.zeros(1, np.int64), form, len(vectors))
        padded = len(panels) * len(vectors) * LANES
        channels = tiles.channels_of(plan.requantize, tiles.start_of(b, weights, form), padded)
        if channels is None:
            return None
        rows = form.image((1, 1, x.size // depth, depth))
        pixels = np.arange(x.size // depth) * depth
        return cls(form, rows, pixels, segments, panels, vectors, channels, tiles.output_of(plan), plan)

    def calls(self, x: np.ndarray, y: np.ndarray) -> list[Call]:
        """What computes y from x."""
        rows = x.reshape(-1)[: self.rows.size].reshape(self.rows.shape)
        flat, per_row = self.rows.reshape(-1), y.reshape(len(self.pixels), -1)
        each = tile.ROWS[len(self.vectors)]
        matrix = (flat, self.pixels, *self.segments, self.weights, self.vectors, each)
        return [
            Call(strip.copy, (rows, self.form.offset, 0, 0, self.rows)),
            Call(tile.matmul, (*matrix, self.channels, self.output, per_row)),
        ]


def tile_calls(
    of: Callable[..., Any], plan: IntegerPlan, constants: Constants, inputs: Constants, outputs: Sequence[np.ndarray]
) -> list[Call] | None:
    """The calls of an operator (x, w, b) by tiles; None where weights and bias are not constant or tiles cannot do it."""
    x, w, b = (*inputs, None)[:3]
    fits = plan.acc_bits == 32 and getattr(plan, "groups", 1) == 1 and x is not None and x.size and w is not None and w.size
    if not fits or constants[1] is None or (b is not None and constants[2] is None):
        return None
    made = of(x, w, b, plan)
    return None if made is None else made.calls(x, outputs[0])


def bind_tiles(of: Callable[..., Any], constants: Constants, otherwise: Run) -> Run:
    """A run by what `of` makes of the first input and constant weights and bias; `otherwise` where it gives None."""
    if not COMPILED:
        return otherwise
    made: list[Any] = []

    def run(x: np.ndarray, w: np.ndarray, b: np.ndarray | None = None) -> np.ndarray:
        if not x.size or w.size == 0 or constants[1] is None or (b is not None and constants[2] is None):
            return otherwise(x, w, b)
        if not made:
            made.append(of(x, w, b))
        if made[0] is None:
            return otherwise(x, w, b)
        y = np.empty(made[0].plan.output_shape, made[0].plan.output_dtype)
        for call in made[0].calls(np.ascontiguousarray(x), y):
            call.kernel(*call.arguments)
        return y

    return run
