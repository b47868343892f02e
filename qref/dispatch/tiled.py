"""CONV_2D, DEPTHWISE_CONV_2D and FULLY_CONNECTED on integers by tiles: all that is known before the first inference.

Each class makes, from weights and bias that are constant, what kernels/tile.py reads, and gives the calls that compute y from x.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from qref.dispatch import tiles
from qref.dispatch.cut import Call, Cut
from qref.dispatch.depthwise import DepthwiseTiles
from qref.dispatch.tile_matmul import TileMatmul
from qref.dispatch.tiles import Constants, Run
from qref.kernels import strip
from qref.kernels.cpu import COMPILED, LANES
from qref.ops import conv_2d as conv
from qref.ops import depthwise_conv_2d as depthwise
from qref.ops._matmul import IntegerPlan

COPIED, MULTIPLIED, MULTIPLIED_DEPTHWISE, READ = 30, 300, 30, 20  # bytes of images or weights a ns, about: what cuts go by

COPIED = 30  # bytes of images a ns, about: what cuts go by


@dataclass(frozen=True, slots=True)
class ConvolutionTiles:
    """CONV_2D with all that is known before the first inference: the padded image and where the windows lie in it."""

    image: np.ndarray | None  # [B, H', W', C] in the tiles' form, the border filled; None where the input is all that already
    matmul: TileMatmul
    plan: conv.ConvPlan

    @classmethod
    def of(cls, x: np.ndarray, w: np.ndarray, b: np.ndarray | None, plan: conv.ConvPlan) -> ConvolutionTiles | None:
        """For inputs like x; None for a rounding rule that tiles do not know."""
        weights = np.add(w, plan.filter_offset, dtype=np.int16)
        rows, columns = plan.axes
        whole = columns.dilation == 1  # a row of the filter is one run in memory
        run = w[0, 0].size if whole else w.shape[3]
        count = len(x) * rows.output_size * columns.output_size if run >= LANES else 0  # short runs are no work for AMX
        form = tiles.Form.of(x.dtype, plan.input_offset, weights, splits=True, rows=count)
        height, width = (axis.padded_size for axis in plan.axes)
        depth = w.shape[3]
        reach = np.arange(1 if whole else columns.filter_size) * columns.dilation
        segments = ((np.arange(rows.filter_size) * rows.dilation)[:, None] * width + reach) * depth
        at = np.arange(len(x))[:, None, None] * height
        at = at + np.arange(rows.output_size)[:, None] * rows.stride
        at = (at * width + np.arange(columns.output_size) * columns.stride) * depth
        windows = weights.reshape(len(w), segments.size, -1)
        matmul = TileMatmul.of(form, at.ravel(), segments.ravel(), windows, b, plan)
        if matmul is None:
            return None
        image = None if matmul.takes(x) and x.shape[1:3] == (height, width) else form.image((len(x), height, width, depth))
        return cls(image, matmul, plan)

    def calls(self, x: np.ndarray, y: np.ndarray) -> list[Call]:
        """What computes y from x."""
        per_pixel = y.reshape(len(self.matmul.pixels), y.shape[-1])
        if self.image is None:
            return [self.matmul.call(x.reshape(-1), per_pixel)]
        rows, columns = self.plan.axes
        return [
            copied(x, self.matmul.form.offset, rows.padding, columns.padding, self.image),
            self.matmul.call(self.image.reshape(-1), per_pixel),
        ]


def depthwise_tiles(
    x: np.ndarray, w: np.ndarray, b: np.ndarray | None, plan: depthwise.DepthwiseConvPlan
) -> DepthwiseTiles | ConvolutionTiles | None:
    """The tiles of DEPTHWISE_CONV_2D: those of CONV_2D where so many filters meet a single channel that they fill vectors."""
    if x.shape[3] > 1 or plan.depth_multiplier < LANES // 2:
        return DepthwiseTiles.of(x, w, b, plan)
    shared = {field.name: getattr(plan, field.name) for field in fields(IntegerPlan)}
    return ConvolutionTiles.of(x, np.moveaxis(w, 3, 0)[:, 0, :, :, None], b, conv.ConvPlan(**shared, axes=plan.axes, groups=1))


@dataclass(frozen=True, slots=True)
class RowTiles:
    """FULLY_CONNECTED with all that is known before the first inference."""

    rows: np.ndarray | None  # [1, 1, M, K] in the tiles' form; None where the input is that already
    matmul: TileMatmul
    plan: IntegerPlan

    @classmethod
    def of(cls, x: np.ndarray, w: np.ndarray, b: np.ndarray | None, plan: IntegerPlan) -> RowTiles | None:
        """For inputs like x and weights [N, K]; None for a rounding rule that tiles do not know."""
        weights, depth = np.add(w, plan.filter_offset, dtype=np.int16), w.shape[1]
        count = x.size // depth
        form = tiles.Form.of(x.dtype, plan.input_offset, weights, splits=True, rows=count)
        matmul = TileMatmul.of(form, np.arange(count) * depth, np.zeros(1, np.int64), weights[:, None], b, plan)
        if matmul is None:
            return None
        return cls(None if matmul.takes(x) else form.image((1, 1, count, depth)), matmul, plan)

    def calls(self, x: np.ndarray, y: np.ndarray) -> list[Call]:
        """What computes y from x."""
        per_row = y.reshape(len(self.matmul.pixels), -1)
        if self.rows is None:
            return [self.matmul.call(x.reshape(-1), per_row)]
        rows = x.reshape(-1)[: self.rows.size].reshape(self.rows.shape)
        return [
            copied(rows, self.matmul.form.offset, 0, 0, self.rows),
            self.matmul.call(self.rows.reshape(-1), per_row),
        ]


def copied(x: np.ndarray, offset: int, top: int, left: int, image: np.ndarray) -> Call:
    """A strip.copy, cut into images; a single one into rows, a single row into columns."""
    axis = next((axis for axis in range(3) if image.shape[axis] > 1), 0)
    starts = (0, top, left)
    before = (slice(None),) * axis

    def part(first: int, last: int) -> tuple[Any, ...]:
        target = image[*before, starts[axis] + first : starts[axis] + last]
        inside = [0 if axis == place else start for place, start in enumerate(starts)]
        return x[*before, first:last], offset, *inside[1:], target

    cut = Cut(x.shape[axis], x.nbytes / max(1, x.shape[axis]) / COPIED, part)
    return Call(strip.copy, (x, offset, top, left, image), cut=cut)


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
