"""DEPTHWISE_CONV_2D on integers by tiles: how rows are cut into blocks for kernels/depthwise_tile.py, and the weights of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from qref.dispatch import tiles
from qref.dispatch.cut import Call, Cut
from qref.kernels import depthwise_blocks, depthwise_tile
from qref.kernels.cpu import LANES
from qref.ops import depthwise_conv_2d as depthwise
from qref.ops._convolution import Axis

UNROLLED = 3, 5  # columns of a filter that are compiled one after the other
TAP = 1.2  # ns, about, for a block: what cuts go by


@dataclass(frozen=True, slots=True)
class Blocks:
    """The blocks of a row: through the whole row where that wastes nothing, else through each pixel.

    In whole rows the columns that a stride skips stand in planes of their own, so that neighbors in the output are neighbors in
    each plane. A last block begins earlier and ends with the row, or with the pixel. Blocks that begin at the same channel are of
    one phase: their weights are the same, and they follow each other.
    """

    planes: int
    plane: int  # elements of a plane, with a block to spare
    taps: np.ndarray | tuple[int, ...]  # [KW], where the columns of the filter begin; a tuple is compiled for its size
    places: np.ndarray  # int64 [blocks, 3]: where each begins in rows of the image and of the output, and its phase
    channels: np.ndarray  # int64 [phases, vectors, LANES], as depthwise_blocks.element_order says

    @classmethod
    def of(cls, columns: Axis, channels: int, form: tiles.Form) -> Blocks:
        """For so many output channels."""
        size = depthwise_blocks.BLOCK_BYTES // form.dtype.itemsize
        by_pixel = channels >= size and (columns.stride > 1 or channels % LANES != 0)
        pixels, length = (columns.output_size, channels) if by_pixel else (1, columns.output_size * channels)
        planes = 1 if by_pixel else columns.stride
        plane = (-(-columns.padded_size // planes) * channels // size + 2) * size
        reach = np.arange(columns.filter_size) * columns.dilation
        taps = reach % planes * plane + reach // planes * channels
        begins = np.minimum(np.arange(0, length, size), max(0, length - size))
        phases, phase = np.unique(begins % channels, return_inverse=True)
        pixel = np.arange(pixels)[:, None] * channels
        each = np.broadcast_arrays(pixel * columns.stride + begins, pixel + begins, phase)
        places = np.stack([numbers.ravel() for numbers in each], axis=1)
        return cls(
            planes,
            plane,
            tuple(taps.tolist()) if len(taps) in UNROLLED else taps,
            places[np.argsort(places[:, 2], kind="stable")],
            (phases[:, None, None] + depthwise_blocks.element_order(form.depth)) % channels,
        )


@dataclass(frozen=True, slots=True)
class DepthwiseTiles:
    """DEPTHWISE_CONV_2D with all that is known before the first inference."""

    form: tiles.Form
    blocks: Blocks
    together: tuple[int, ...]  # output rows that meet the same groups
    weights: np.ndarray
    channels: tiles.Channels
    output: np.ndarray
    plan: depthwise.DepthwiseConvPlan

    @classmethod
    def of(cls, x: np.ndarray, w: np.ndarray, b: np.ndarray | None, plan: depthwise.DepthwiseConvPlan) -> DepthwiseTiles | None:
        """For inputs like x; None for a rounding rule that tiles do not know, and for windows that fit nowhere."""
        weights = np.moveaxis(w[0].astype(np.int32) + plan.filter_offset, 2, 0)  # [C * M, KH, KW]
        form, (rows, columns) = tiles.Form.of(x.dtype, plan.input_offset, weights), plan.axes
        channels = tiles.channels_of(plan.requantize, tiles.start_of(b, weights, form), len(weights))
        if channels is None or 0 in plan.output_shape:
            return None
        blocks = Blocks.of(columns, len(weights), form)
        unused = -rows.filter_size % form.depth  # rows in groups that the filter leaves to the output rows that follow
        together = 1 + (unused // rows.stride if rows.dilation == 1 else 0)
        return cls(
            form,
            blocks,
            tuple(range(together)),
            _packed(weights, blocks.channels, together, rows.stride, form),
            tuple(tiles.aligned(constants[blocks.channels].ravel()) for constants in channels),
            tiles.output_of(plan),
            plan,
        )

    def calls(self, x: np.ndarray, y: np.ndarray) -> list[Call]:
        """What computes y from x."""
        (rows, columns), blocks = self.plan.axes, self.blocks
        lines = len(x) * rows.output_size

        def arguments(first: int, last: int) -> tuple[Any, ...]:
            return (
                x,
                self.form.offset,
                (rows.output_size, rows.stride, rows.dilation, rows.padding),
                (columns.padding, self.plan.depth_multiplier, columns.padded_size, blocks.planes, blocks.plane),
                self.together,
                self._strip(),
                blocks.places,
                blocks.taps,
                self.weights,
                self.channels,
                self.output,
                y.reshape(lines, -1),
                first,
                last,
            )

        work = len(blocks.places) * rows.filter_size * columns.filter_size * TAP
        cut = Cut(lines, work, arguments, len(self.together))
        return [Call(depthwise_tile.depthwise, arguments(0, lines), cut=cut)]

    def _strip(self) -> np.ndarray:
        """Memory for the rows of the image that some output rows meet, and two rows more."""
        rows = self.plan.axes[0]
        reach = (len(self.together) - 1) * rows.stride + (rows.filter_size - 1) * rows.dilation + 1
        return tiles.aligned(np.full((reach + 2, self.blocks.planes * self.blocks.plane), self.form.fill, self.form.dtype))


def _packed(w: np.ndarray, numbers: np.ndarray, together: int, stride: int, form: tiles.Form) -> np.ndarray:
    """Weights [channels, KH, KW], of the channels `numbers`, for each phase: by band, tap, output row, vector, lane and depth."""
    channels, height, width = w.shape
    bands = -(-height // form.depth)
    moved = np.zeros((channels, together, bands * form.depth, width), form.weight_dtype)
    for row in range(together):
        moved[:, row, row * stride : row * stride + height] = w
    split = moved.reshape(channels, together, bands, form.depth, width)[numbers]  # phase, vector, lane, row, band, depth, tap
    return tiles.aligned(split.transpose(0, 4, 6, 3, 1, 2, 5)).view(np.uint8).reshape(len(numbers), -1)
