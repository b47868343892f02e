"""What binders of the integer matmuls share: inputs and weights in the form that the tiles of the kernels read.

x + input_offset meets w + filter_offset in int16 pairs; or, on a CPU that multiplies bytes, 8-bit inputs meet 8-bit weights: in
quads the input as uint8 u, u = x for uint8 and u = x + 128 for int8, and on AMX as it is, u = x. What is then missing is in the
accumulator's start:

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
from qref.kernels import amx_tiles, tile
from qref.kernels.cpu import AMX, GROUP_BYTES, LANES, QUADS
from qref.ops._matmul import IntegerPlan

ALIGNMENT = 64
SLACK = 64  # bytes that a tile may read behind the last element
NEAR = 2.0**22  # of products that float32 itself rounds to integers, see vector.py
FEWEST_ROWS, FEWEST_PRODUCTS = 2, 1 << 17  # that AMX computes as fast as vectors do
COSTS = {1: 1.3, 2: 1.05, 4: 1.0}  # of a panel's vectors: wide panels read each input less often

Constants = Sequence[np.ndarray | None]
Run = Callable[..., np.ndarray]
Channels = tuple[np.ndarray, ...]


@dataclass(frozen=True, slots=True)
class Form:
    """How inputs are stored for the tiles.

    dtype   of x + offset
    rest    what is still to be added, d above
    depth   elements of a group: two int16 numbers, four bytes, or 64 bytes on AMX
    """

    dtype: np.dtype
    offset: int
    rest: int
    depth: int

    @classmethod
    def of(cls, x: np.dtype, input_offset: int, w: np.ndarray, splits: bool = False, rows: int = 0) -> Form:
        """The form for inputs of that type and weights w [N, ...], zero points taken off; `pack` splits, if they are few.

        rows  that meet all the weights in a matmul; only some are worth AMX
        """
        beyond = np.count_nonzero(w != np.clip(w, -128, 127))
        fits = beyond == 0 or (splits and 8 * beyond <= w[0].size and w.min() >= -256 and w.max() <= 254)
        if x.itemsize > 1 or not w.size or not fits or not QUADS:
            return cls(np.dtype(np.int16), input_offset, 0, 2)
        if AMX and rows >= FEWEST_ROWS and rows * w.size >= FEWEST_PRODUCTS:
            return cls(x, 0, input_offset, amx_tiles.DEPTH)
        offset = 128 if x.kind == "i" else 0
        return cls(np.dtype(np.uint8), offset, input_offset - offset, 4)

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
        image = aligned(np.full(size + SLACK // self.dtype.itemsize, self.fill, self.dtype))
        return image[:size].reshape(shape)

    @property
    def vectors(self) -> Sequence[int]:
        """Of 16 channels that a panel may have."""
        return amx_tiles.VECTORS if self.depth == amx_tiles.DEPTH else tuple(tile.ROWS)


def vectors_of(channels: int, form: Form) -> tuple[int, ...]:
    """The vectors of a panel, (0, 1, ..., V - 1), for so many output channels."""
    cost = {v: -(-channels // (v * LANES)) * v * COSTS[v] for v in form.vectors}
    return tuple(range(min(cost, key=lambda v: (cost[v], -v))))


def pack(w: np.ndarray, segments: np.ndarray, form: Form, vectors: int) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray]]:
    """Weights [N, segments, K] as the kernels read them, [panels, bytes] uint8, and their segments and groups.

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
    every = every.reshape(panels, vectors * LANES, -1, GROUP_BYTES // every.itemsize).transpose(0, 2, 1, 3)
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


def channels_of(rule: Requantize, start: np.ndarray, padded: int, bound: np.ndarray | None = None) -> Channels | None:
    """Start and the rule's constants for the tiles, each of `padded` channels; None for a rule that they do not know.

    Of a rule for 64 bits the start alone: tiles give sums, not the output.

    bound  what accumulators surely stay below, by channel
    """

    def table(values: np.ndarray, dtype: type) -> np.ndarray:
        each: np.ndarray = np.zeros(padded, dtype)
        each[: len(start)] = values
        return each

    first = table(start, np.int32)
    if isinstance(rule, SingleRounding64):
        return (first,)
    if isinstance(rule, Float32HalfEven) and bound is not None and (bound * rule.effective_scale < NEAR).all():
        return first, table(rule.effective_scale, np.float32), np.full(padded, 3 * NEAR, np.float32)
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


def bound_of(bias: np.ndarray | None, w: np.ndarray, form: Form) -> np.ndarray | None:
    """What accumulators of 8-bit inputs x surely stay below, by channel, float64 [N]: |bias| + 255 sum |w|, wraps excluded."""
    if form.dtype.itemsize > 1:
        return None
    bound = 256.0 * np.abs(w.reshape(len(w), -1)).sum(axis=1) + (
        1 if bias is None else np.abs(bias.reshape(-1).astype(np.float64))
    )
    return bound if (bound < 2**31).all() else None


def output_of(plan: IntegerPlan) -> np.ndarray:
    """The output's zero point and limits, int32 [3]."""
    return np.array([plan.output_offset, plan.output_activation_min, plan.output_activation_max], np.int32)
