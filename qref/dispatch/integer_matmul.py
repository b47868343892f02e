"""Integer matmuls as calls, around the tiles: accumulators of 64 bits, groups of channels, TRANSPOSE_CONV and BATCH_MATMUL.

Where an accumulator has 64 bits, tiles give sums of 32 bits, which are then added. No input is beyond 2^15, so that the sum of a
channel fits in 32 bits where its weights' magnitudes sum up to less than 2^16. Where they do not, the weights are summed in
parts: each is the weights with zeros in the place of the others.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from typing import Any

import numpy as np

from qref.arithmetic.requantize import HalfUpBlocks, Requantize, SingleRounding64
from qref.dispatch.convolution import INT32_MAX, geometry
from qref.dispatch.cut import Call
from qref.dispatch.movement import moved
from qref.dispatch.requantize import requantizations
from qref.dispatch.tiled import ConvolutionTiles, RowTiles, depthwise_tiles, tile_calls
from qref.dispatch.tiles import Constants
from qref.kernels import matmul as kernels
from qref.kernels import strip
from qref.kernels import transpose_conv as transpose_kernels
from qref.ops import batch_matmul as bmm
from qref.ops import conv_2d as conv
from qref.ops import depthwise_conv_2d as depthwise
from qref.ops import fully_connected as fc
from qref.ops import transpose_conv as transpose
from qref.ops._matmul import IntegerPlan
from qref.ops.node import Shape

GREATEST_SUM = 2**16 - 1  # of the magnitudes of a channel's weights


def parts_of(w: np.ndarray, channel_axis: int) -> list[np.ndarray]:
    """The weights as a sum of weights whose products with int16 surely have sums within 32 bits, for every channel."""
    taps = np.moveaxis(w, channel_axis, 0).reshape(w.shape[channel_axis], -1)
    before = np.cumsum(np.abs(taps.astype(np.int64)).max(axis=0))
    first, parts = 0, []
    while first < before.size:
        done = before[first - 1] if first else 0
        last = int(np.searchsorted(before, done + GREATEST_SUM, side="right"))
        part = np.zeros_like(taps)
        part[:, first:last] = taps[:, first:last]
        parts.append(np.moveaxis(part.reshape(np.moveaxis(w, channel_axis, 0).shape), 0, channel_axis))
        first = last
    return parts


def sums_of(
    of: Callable[..., Any], channel_axis: int, plan: IntegerPlan, x: np.ndarray, w: np.ndarray, shape: Shape
) -> tuple[np.ndarray, list[Call]] | None:
    """Sums of 32 bits [parts, *shape], and the calls that give them; None where tiles cannot do it."""
    sums_plan = replace(plan, acc_bits=32, requantize=SingleRounding64.of(np.ones(1)))
    parts, calls = [w] if plan.acc_bits == 32 or _fits(w, channel_axis) else parts_of(w, channel_axis), []
    sums = np.empty((len(parts), *shape), np.int32)
    for part, result in zip(parts, sums):
        found = tile_calls(of, sums_plan, (None, part, None), (x, part, None), [result])
        if found is None:
            return None
        calls += found
    return sums, calls


def _fits(w: np.ndarray, channel_axis: int) -> bool:
    others = tuple(axis for axis in range(w.ndim) if axis != channel_axis)
    return int(np.abs(w.astype(np.int64)).sum(axis=others).max(initial=0)) <= GREATEST_SUM


def start_of(b: np.ndarray | None, channels: int) -> np.ndarray:
    """What accumulators of 64 bits start from."""
    return np.zeros(channels, np.int64) if b is None else b.reshape(-1).astype(np.int64)


def limits_of(plan: IntegerPlan) -> tuple[int, int, int]:
    """The output's zero point and limits."""
    return plan.output_offset, plan.output_activation_min, plan.output_activation_max


def wide_calls(
    of: Callable[..., Any],
    channel_axis: int,
    plan: IntegerPlan,
    constants: Constants,
    inputs: Constants,
    outputs: Sequence[np.ndarray],
) -> list[Call] | None:
    """The calls of an operator (x, w, b), of any width of accumulators."""
    if plan.acc_bits == 32:
        return tile_calls(of, plan, constants, inputs, outputs)
    (x, w, b), (y,) = (*inputs, None)[:3], outputs
    if constants[1] is None or (b is not None and constants[2] is None) or x is None or w is None:
        return None
    found, channels = sums_of(of, channel_axis, plan, x, w, y.shape), w.shape[channel_axis]
    acc = np.empty((y.size // channels, channels), np.int64)
    finish = requantizations(plan.requantize, acc, limits_of(plan), y)
    if found is None or finish is None:
        return None
    sums, calls = found
    add = Call(kernels.add_sums, (sums.reshape(len(sums), *acc.shape), start_of(b, channels), acc))
    return [*calls, add, *finish]


def convolutions(
    plan: conv.ConvPlan, constants: Constants, inputs: Constants, outputs: Sequence[np.ndarray]
) -> list[Call] | None:
    """CONV_2D; with groups of channels, one after the other, on the channels of each brought together."""
    (x, w, b), (y,) = (*inputs, None)[:3], outputs
    if plan.groups == 1 or x is None or w is None or not x.size:
        return wide_calls(ConvolutionTiles.of, 0, plan, constants, inputs, outputs)
    count = plan.groups
    inputs_by_group = np.empty((count, *x.shape[:3], x.shape[3] // count), x.dtype)
    outputs_by_group = np.empty((count, *y.shape[:3], y.shape[3] // count), y.dtype)
    calls = moved(x.reshape(-1), _by_group(x.shape, count), np.arange(x.size), inputs_by_group.reshape(-1))
    size = len(w) // count
    for group in range(count):
        part = np.s_[group * size : (group + 1) * size]
        rule = _of_channels(plan.requantize, part)
        bias, bias_constant = (None if v is None else v[part] for v in (b, (*constants, None)[2]))
        weights = None if constants[1] is None else w[part]
        one = replace(plan, groups=1, requantize=rule, output_shape=outputs_by_group.shape[1:])
        operands = (None, weights, bias_constant), (inputs_by_group[group], weights, bias)
        found = None if rule is None else wide_calls(ConvolutionTiles.of, 0, one, *operands, [outputs_by_group[group]])
        if found is None:
            return None
        calls += found
    return [*calls, *moved(outputs_by_group.reshape(-1), np.arange(y.size), _by_group(y.shape, count), y.reshape(-1))]


def _by_group(shape: Shape, groups: int) -> np.ndarray:
    """The places of an image's elements, group by group."""
    return np.moveaxis(np.arange(math.prod(shape)).reshape(*shape[:3], groups, -1), 3, 0).reshape(-1)


def _of_channels(rule: Requantize, part: slice) -> Any:
    """A rule for some of the channels; None for one that rounds by the channel's place."""
    if isinstance(rule, HalfUpBlocks):
        return None
    each = {field.name: getattr(rule, field.name) for field in fields(rule)}  # type: ignore[arg-type]
    return replace(rule, **{name: v[part] if v.size > 1 else v for name, v in each.items()})  # type: ignore[type-var]


def transposed_convolutions(
    plan: transpose.TransposeConvPlan, constants: Constants, inputs: Constants, outputs: Sequence[np.ndarray]
) -> list[Call] | None:
    """TRANSPOSE_CONV: the products of each pixel with all taps, then added where they land."""
    (_, w, x, b), (y,) = (*inputs, None)[:4], outputs
    if constants[1] is None or (b is not None and constants[3] is None) or w is None or x is None or not y.size:
        return None
    taps = np.moveaxis(w, 0, 2).reshape(-1, w.shape[3])
    found = sums_of(RowTiles.of, 0, plan, x, taps, (x.size // x.shape[3], len(taps)))
    acc = np.empty(y.shape, np.int32 if plan.acc_bits == 32 else np.int64)
    finish = requantizations(plan.requantize, acc, limits_of(plan), y)
    if found is None or finish is None:
        return None
    sums, calls = found
    products = sums.reshape(len(sums), *x.shape[:3], len(taps))
    spread = Call(transpose_kernels.spread, (products, start_of(b, len(w)), geometry(plan.axes), acc))
    return [*calls, spread, *finish]


def matrices(
    plan: bmm.BatchMatMulPlan, constants: Constants, inputs: Constants, outputs: Sequence[np.ndarray]
) -> list[Call] | None:
    """BATCH_MATMUL: by tiles where one constant matrix meets all rows, else matrix by matrix."""
    (x, w), (y,) = inputs, outputs
    if x is None or w is None or not (x.size and w.size and y.size):
        return None
    if constants[1] is not None and w.size == w.shape[-1] * w.shape[-2] and not plan.adj_x and plan.acc_bits == 32:
        weights = np.ascontiguousarray(bmm.as_columns(w, plan.adj_y).reshape(-1, x.shape[-1]))
        found = tile_calls(RowTiles.of, plan, (None, weights), (x, weights), outputs)
        if found is not None:
            return found
    rows, calls = _centred(x, bmm.as_rows, plan.adj_x, plan.input_offset)
    columns, more = _centred(w, bmm.as_columns, plan.adj_y, plan.filter_offset)
    acc = np.empty(y.shape, np.int32 if plan.acc_bits == 32 else np.int64)
    finish = requantizations(plan.requantize, acc, limits_of(plan), y)
    if finish is None:
        return None
    start, block = np.zeros(y.shape[-1], acc.dtype), INT32_MAX // (np.iinfo(x.dtype).min * int(np.iinfo(w.dtype).min))
    rows, columns = (np.broadcast_to(v, (*y.shape[:-2], *v.shape[-2:])) for v in (rows, columns))
    for batch in np.ndindex(*y.shape[:-2]):
        pair, result = (np.asarray(rows[batch]), np.asarray(columns[batch])), acc[batch]
        if plan.acc_bits == 32:
            more.append(Call(kernels.accumulate, (*pair, start, result)))
        else:
            more.append(Call(kernels.accumulate_64, (*pair, start, block, result)))
    return [*calls, *more, *finish]


def _centred(
    x: np.ndarray, order: Callable[[np.ndarray, bool], np.ndarray], adjoint: bool, offset: int
) -> tuple[np.ndarray, list[Call]]:
    """Matrices in the order of the core, int16 with their zero point taken off, and the calls that make them."""
    numbers = order(np.arange(x.size).reshape(x.shape), adjoint)
    ordered = np.empty(numbers.shape, x.dtype)
    calls = moved(x.reshape(-1), numbers.reshape(-1), np.arange(x.size), ordered.reshape(-1))
    centred = np.empty(numbers.shape, np.int16)
    flat = (1, 1, 1, x.size)
    return centred, [*calls, Call(strip.copy, (ordered.reshape(flat), offset, 0, 0, centred.reshape(flat)))]


CALLS: dict[Callable[..., Any], Callable[..., list[Call] | None]] = {
    conv.conv_2d: convolutions,
    depthwise.depthwise_conv_2d: functools.partial(wide_calls, depthwise_tiles, 3),
    fc.fully_connected: functools.partial(wide_calls, RowTiles.of, 0),
    transpose.transpose_conv: transposed_convolutions,
    bmm.batch_matmul: matrices,
}
