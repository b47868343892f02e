"""Matmuls of int16 inputs whose accumulators have 64 bits: tiles give sums of 32 bits, which are then added in 64.

No input is beyond 2^15, so that the sum of a channel fits in 32 bits where its weights' magnitudes sum up to less than 2^16.
Where they do not, the weights are summed in parts: each is the weights with zeros in the place of the others.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from qref.arithmetic.requantize import SingleRounding64
from qref.dispatch.program import Call
from qref.dispatch.requantize import requantizations
from qref.dispatch.tiled import ConvolutionTiles, DepthwiseTiles, RowTiles, tile_calls
from qref.dispatch.tiles import Constants
from qref.kernels import matmul as kernels
from qref.ops import conv_2d as conv
from qref.ops import depthwise_conv_2d as depthwise
from qref.ops import fully_connected as fc
from qref.ops._matmul import IntegerPlan

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
    sums_plan = replace(plan, acc_bits=32, requantize=SingleRounding64.of(np.ones(1)))
    channels, calls = w.shape[channel_axis], []
    weights = [w] if _fits(w, channel_axis) else parts_of(w, channel_axis)
    sums = np.empty((len(weights), *y.shape), np.int32)
    for part, result in zip(weights, sums):
        found = tile_calls(of, sums_plan, (None, part, None), (x, part, None), [result])
        if found is None:
            return None
        calls += found
    acc = np.empty((y.size // channels, channels), np.int64)
    start = np.zeros(channels, np.int64) if b is None else b.reshape(-1).astype(np.int64)
    limits = plan.output_offset, plan.output_activation_min, plan.output_activation_max
    finish = requantizations(plan.requantize, acc, limits, y)
    return finish and [*calls, Call(kernels.add_sums, (sums.reshape(len(sums), *acc.shape), start, acc)), *finish]


def _fits(w: np.ndarray, channel_axis: int) -> bool:
    others = tuple(axis for axis in range(w.ndim) if axis != channel_axis)
    return int(np.abs(w.astype(np.int64)).sum(axis=others).max(initial=0)) <= GREATEST_SUM


CALLS: dict[Callable[..., Any], Callable[..., list[Call] | None]] = {
    conv.conv_2d: functools.partial(wide_calls, ConvolutionTiles.of, 0),
    depthwise.depthwise_conv_2d: functools.partial(wide_calls, DepthwiseTiles.of, 3),
    fc.fully_connected: functools.partial(wide_calls, RowTiles.of, 0),
}
