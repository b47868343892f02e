"""Rows that begin anywhere in an array, times constant weights, brought to the output: what convolutions and matrices share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from qref.dispatch import tiles
from qref.dispatch.cut import Call, Cut, along_first_axis
from qref.kernels import amx, amx_tiles, tile
from qref.kernels.cpu import LANES
from qref.ops._matmul import IntegerPlan

MULTIPLIED, READ = 300, 20  # bytes of weights a ns, about, that rows meet and that a single one reads: what cuts go by


@dataclass(frozen=True, slots=True)
class TileMatmul:
    """A matmul with all that is known before the first inference; its kernel is that of kernels/tile.py or kernels/amx.py."""

    form: tiles.Form
    pixels: np.ndarray  # where rows begin
    kernel: Callable[..., None]
    windows: tuple[Any, ...]  # what lies from there on in a row, and the weights, as the kernel takes them
    channels: tiles.Channels
    output: np.ndarray
    within: bool  # nothing is read behind the end of a row

    @classmethod
    def of(
        cls, form: tiles.Form, pixels: np.ndarray, segments: np.ndarray, w: np.ndarray, b: np.ndarray | None, plan: IntegerPlan
    ) -> TileMatmul | None:
        """For weights [N, segments, K], zero point taken off; None for a rounding rule that tiles do not know."""
        vectors = tiles.vectors_of(len(w), form)
        padded = -(-len(w) // (len(vectors) * LANES)) * len(vectors) * LANES
        channels = tiles.channels_of(plan.requantize, tiles.start_of(b, w, form), padded, tiles.bound_of(b, w, form))
        if channels is None:
            return None
        on_amx, length = form.depth == amx_tiles.DEPTH, w.shape[2]
        if on_amx:
            channels = (tiles.aligned(np.repeat(channels[0].reshape(-1, 1, LANES), amx_tiles.ROWS, axis=1)), *channels[1:])
        windows = _amx_windows if on_amx else _windows
        return cls(
            form,
            pixels,
            amx.matmul if on_amx else tile.matmul,
            windows(form, len(pixels), segments, w, vectors),
            channels,
            tiles.output_of(plan),
            on_amx or length % form.depth == 0,
        )

    def takes(self, x: np.ndarray) -> bool:
        """Whether x can be read as it is."""
        return self.within and x.dtype == self.form.dtype and self.form.offset == 0

    def call(self, x: np.ndarray, y: np.ndarray) -> Call:
        """What computes y [M, N] from x, flat; cut into rows, a single one into panels."""
        call = Call(self.kernel, (x, self.pixels, *self.windows, self.channels, self.output, y))
        *before, w, vectors, rows = self.windows
        if len(y) != 1:
            return along_first_axis(call, (1, -1), w.nbytes / MULTIPLIED, rows)
        width = len(vectors) * LANES

        def part(first: int, last: int) -> tuple[Any, ...]:
            here = slice(first * width, last * width)
            channels = tuple(constants[here] for constants in self.channels)
            return x, self.pixels, *before, w[first:last], vectors, rows, channels, self.output, y[:, here]

        return replace(call, cut=Cut(len(w), w[0].nbytes / READ, part))


def _windows(form: tiles.Form, rows: int, segments: np.ndarray, w: np.ndarray, vectors: tuple[int, ...]) -> tuple[Any, ...]:
    """Segments, groups, w, vectors and rows of tile.matmul."""
    panels, parts = tiles.pack(w, segments, form, len(vectors))
    return *parts, panels, vectors, tile.ROWS[len(vectors)]


def _amx_windows(form: tiles.Form, rows: int, segments: np.ndarray, w: np.ndarray, vectors: tuple[int, ...]) -> tuple[Any, ...]:
    """Segments, length, direct, steps, w, vectors and rows of amx.matmul."""
    length = w.shape[2]
    panels, parts = tiles.pack(w.reshape(len(w), 1, -1), np.zeros(1, np.int64), form, len(vectors))
    steps = np.concatenate([offset + amx_tiles.DEPTH * np.arange(groups) for offset, groups in zip(*parts)])
    lines = length % amx_tiles.DEPTH == 0 and not (segments % amx_tiles.DEPTH).any()
    direct = segments[steps // length] + steps % length if lines else steps[:0]
    return segments, length, direct, steps, panels, vectors, amx_tiles.rows_of(length * len(segments), rows, panels.size)
