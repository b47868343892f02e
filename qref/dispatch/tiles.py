"""What binders of the integer matmuls share: inputs and weights in the form that the tiles of kernels/tile.py read.

x + input_offset meets w + filter_offset in int16 pairs; or, on a CPU that multiplies bytes, 8-bit inputs meet 8-bit weights in
quads: the input as uint8 u, u = x for uint8 and u = x + 128 for int8. What is then missing is in the accumulator's start:

    sum (x + input_offset) w = sum u w + d sum w        d = input_offset, or input_offset - 128

Weights of type uint8 may leave int8 without their zero point. A matmul splits those few in two, and reads their inputs twice.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from qref.arithmetic.fixed_point import wrap_int32
from qref.arithmetic.requantize import (
    DoubleRounding,
    Float32HalfEven,
    Float64HalfAway,
    HalfUp,
    HalfUpBlocks,
    Requantize,
    SingleRounding64,
)
from qref.kernels import tile
from qref.kernels.cpu import LANES, QUADS
from qref.ops._matmul import IntegerPlan

ALIGNMENT = 64
SLACK = 64  # bytes that a tile may read behind the last element
COSTS = {1: 1.3, 2: 1.05, 4: 1.0}  # of a panel's vectors: wide panels read each input less often

Constants = Sequence[np.ndarray | None]
Run = Callable[..., np.ndarray]
Channels = tuple[np.ndarray, ...]


@dataclass(frozen=True, slots=True)
class Form:
    """How inputs are stored for the tiles: x + offset in `dtype`; `rest` is what is still to be added, d above."""

    dtype: np.dtype
    offset: int
    rest: int

    @classmethod
    def of(cls, x: np.dtype, input_offset: int, w: np.ndarray, splits: bool = False) -> Form:
        """The form for inputs of that type and weights w [N, ...], zero points taken off; `pack` splits, if they are few."""
        beyond = np.count_nonzero(w != np.clip(w, -128, 127))
        fits = beyond == 0 or (splits and 8 * beyond <= w[0].size and w.min() >= -256 and w.max() <= 254)
        if QUADS and x.itemsize == 1 and w.size and fits:
            offset = 128 if x.kind == "i" else 0
            return cls(np.dtype(np.uint8), offset, input_offset - offset)
        return cls(np.dtype(np.int16), input_offset, 0)

    @property
    def depth(self) -> int:
        """Elements of a group."""
        return 4 // self.dtype.itemsize

    @property
    def fill(self) -> int:
        """What stands for the zero point."""
        return -self.rest

    @property
    def weight_dtype(self) -> np.dtype:
        """Of the weights that meet such inputs."""
        return np.dtype(np.int8 if self.dtype.itemsize == 1 else np.int16)

    def image(self, shape: Sequence[int]) -> np.ndarray:
        """An image of that shape full of the zero point, with SLACK bytes behind it in memory."""
        size = math.prod(shape)
        return np.full(size + SLACK // self.dtype.itemsize, self.fill, self.dtype)[:size].reshape(shape)


def vectors_of(channels: int) -> tuple[int, ...]:
    """The vectors of a panel, (0, 1, ..., V - 1), for so many output channels."""
    cost = {v: -(-channels // (v * LANES)) * v * COSTS[v] for v in tile.ROWS}
    return tuple(range(min(cost, key=lambda v: (cost[v], -v))))


def pack(w: np.ndarray, segments: np.ndarray, form: Form, vectors: int) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray]]:
    """Weights [N, segments, K] as kernels/tile.py reads them, [panels, bytes] uint8, and its segments and groups.

    Zeros fill up channels and groups. Groups in which a weight does not fit its type stand there once more, with what is missing.
    """
    channels, count, depth = w.shape
    groups, panels = -(-depth // form.depth), -(-channels // (vectors * LANES))
    padded = np.zeros((panels * vectors * LANES, count, groups * form.depth), np.int16)
    padded[:channels, :, :depth] = w
    split = padded.reshape(len(padded), count * groups, form.depth)
    limits = np.iinfo(form.weight_dtype)
    fitting = np.clip(split, limits.min, limits.max)
    again = np.flatnonzero((split != fitting).any(axis=(0, 2)))
    every = np.concatenate([fitting, split[:, again] - fitting[:, again]], axis=1, dtype=form.weight_dtype, casting="unsafe")
    every = every.reshape(panels, vectors * LANES, -1, form.depth).transpose(0, 2, 1, 3)
    offsets = np.concatenate([segments, segments[again // groups] + again % groups * form.depth])
    counts = np.repeat([groups, 1], [count, again.size])
    return aligned(every).view(np.uint8).reshape(panels, -1), (offsets, counts)


def aligned(x: np.ndarray) -> np.ndarray:
    """A contiguous copy that begins at a multiple of ALIGNMENT bytes, so that no vector lies across two lines of the cache."""
    memory = np.empty(x.nbytes + ALIGNMENT, np.uint8)
    start = -memory.ctypes.data % ALIGNMENT
    copy = memory[start : start + x.nbytes].view(x.dtype).reshape(x.shape)
    copy[...] = x
    return copy


def channels_of(rule: Requantize, start: np.ndarray, padded: int) -> Channels | None:
    """Start and the rule's constants for the tiles, each of `padded` channels; None for a rule that they do not know.

    Of a rule for 64 bits the start alone: tiles give sums, not the output.
    """

    def table(values: np.ndarray, dtype: type) -> np.ndarray:
        each: np.ndarray = np.zeros(padded, dtype)
        each[: len(start)] = values
        return each

    first = table(start, np.int32)
    if isinstance(rule, SingleRounding64):
        return (first,)
    if isinstance(rule, Float32HalfEven | Float64HalfAway):
        return first, table(rule.effective_scale, rule.effective_scale.dtype.type)
    if isinstance(rule, HalfUpBlocks):
        away = np.arange(len(start)) >= rule.channels_in_blocks
        fixed: DoubleRounding | HalfUp = rule.double_rounding
    elif isinstance(rule, DoubleRounding | HalfUp):
        fixed, away = rule, np.full(len(start), isinstance(rule, DoubleRounding))
    else:
        return None
    left, right = np.maximum(fixed.shift, 0) & 31, np.maximum(-fixed.shift, 0)
    last = (right > 0).astype(np.int64)
    constants = (fixed.quantized_multiplier, left, right - last, last, -(away & (right > 0)).astype(np.int64))
    return first, *(table(values, np.int32) for values in constants)


def start_of(bias: np.ndarray | None, w: np.ndarray, form: Form) -> np.ndarray:
    """What accumulators start from, int32 [N]: the bias, and what the input's form has too much; w [N, ...], zero points off."""
    sums = w.reshape(len(w), -1).sum(axis=1, dtype=np.int64) * form.rest
    return wrap_int32(sums if bias is None else sums + bias.reshape(-1)).astype(np.int32)


def output_of(plan: IntegerPlan) -> np.ndarray:
    """The output's zero point and limits, int32 [3]."""
    return np.array([plan.output_offset, plan.output_activation_min, plan.output_activation_max], np.int32)
