"""Reductions: binders and calls of MEAN, SUM; calls of REDUCE_MAX, REDUCE_MIN."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from qref.arithmetic.requantize import DoubleRounding
from qref.dispatch.cut import Call, along_first_axis
from qref.dispatch.movement import moved
from qref.kernels import extremum_tile, mean_tile
from qref.kernels import mean as kernels
from qref.kernels import requantize as requantize_kernels
from qref.kernels.cpu import LANES
from qref.ops import _extremum, mean, sum
from qref.ops._reduction import rows
from qref.ops.optimized import mean as optimized_mean
from qref.ops.optimized import sum as optimized_sum
from qref.ops.xnnpack import _reduction as xnnpack

Arrays = Sequence[Any]
Calls = list[Call] | None


def bind_mean(plan: mean.QuantizedPlan, constants: Sequence[np.ndarray | None]) -> Callable[..., np.ndarray]:
    """MEAN on integers: the sums compiled, the few results in NumPy."""

    def run(x: np.ndarray, axis: np.ndarray) -> np.ndarray:
        return mean.requantize_sum(sum_over(x, plan.axes), plan) if x.size else mean.mean(x, axis, plan)

    return run


def bind_sum(plan: mean.QuantizedPlan, constants: Sequence[np.ndarray | None]) -> Callable[..., np.ndarray]:
    """SUM on the bytes of int8 or uint8."""

    def run(x: np.ndarray, axis: np.ndarray) -> np.ndarray:
        if x.size == 0:
            return sum.sum_bytes(x, axis, plan)
        acc = sum_over(np.ascontiguousarray(x).view(np.uint8), plan.axes)
        return mean.requantize_sum(acc, plan).view(x.dtype)

    return run


def sum_over(x: np.ndarray, axes: tuple[int, ...]) -> np.ndarray:
    """The sums of x over its axes, wrapped to int32; [outputs] in the order of memory."""
    first, behind = (axes[0], axes[-1] + 1) if axes else (0, 0)
    if axes and len(axes) == behind - first:
        blocks = x.reshape(math.prod(x.shape[:first]), math.prod(x.shape[first:behind]), math.prod(x.shape[behind:]))
    else:
        blocks = rows(x, axes)[:, :, None]
    acc = np.empty((blocks.shape[0], blocks.shape[2]), np.int32)
    kernels.sum_axis(np.ascontiguousarray(blocks), acc)
    return acc.reshape(-1)


BINDERS: dict[Callable[..., Any], Callable[..., Any]] = {
    mean.mean: bind_mean,
    sum.sum_bytes: bind_sum,
}


def blocks_of(x: np.ndarray, axes: tuple[int, ...]) -> tuple[np.ndarray, list[Call]] | None:
    """Blocks [outer, n, inner] of x, n over the axes, and the calls that make them; None where there is nothing to reduce."""
    if not axes or not x.size:
        return None
    if len(axes) == axes[-1] + 1 - axes[0]:
        sizes = [math.prod(x.shape[: axes[0]]), math.prod(x.shape[axes[0] : axes[-1] + 1]), math.prod(x.shape[axes[-1] + 1 :])]
        return x.reshape(sizes), []
    sources = rows(np.arange(x.size).reshape(x.shape), axes)
    target = np.empty((*sources.shape, 1), x.dtype)
    return target, moved(x.reshape(-1), sources.reshape(-1), np.arange(x.size), target.reshape(-1))


def _sums(x: np.ndarray, axes: tuple[int, ...]) -> tuple[np.ndarray, list[Call]] | None:
    """The accumulators [outer, inner] of x over some axes, and the calls that fill them."""
    found = blocks_of(x, axes)
    if found is None:
        return None
    blocks, calls = found
    acc = np.empty((blocks.shape[0], blocks.shape[2]), np.int32)
    vectors = [v for v in (mean_tile.VECTORS, mean_tile.VECTORS[:1]) if len(v) * LANES <= blocks.shape[2]]
    add = Call(mean_tile.sum_axis, (blocks, vectors[0], acc)) if vectors else Call(kernels.sum_axis, (blocks, acc))
    return acc, [*calls, along_first_axis(add, (0, -1), blocks[0].size * 0.1)]


def means(plan: mean.QuantizedPlan, constants: Arrays, inputs: Arrays, outputs: Arrays) -> Calls:
    """MEAN."""
    summed, limits = _sums(inputs[0], plan.axes), np.iinfo(plan.output_dtype)
    if summed is None or not isinstance(plan.requantize, DoubleRounding):
        return None
    acc, calls = summed
    rule = [np.array(np.broadcast_to(v, acc.shape[1])) for v in (plan.requantize.quantized_multiplier, plan.requantize.shift)]
    bounds = plan.output_offset, int(limits.min), int(limits.max)
    return [
        *calls,
        Call(kernels.add_constant, (acc, plan.correction)),
        Call(requantize_kernels.double_rounding, (acc, *rule, *bounds, outputs[0].reshape(acc.shape))),
    ]


def spatial_means(plan: optimized_mean.SpatialMeanPlan, constants: Arrays, inputs: Arrays, outputs: Arrays) -> Calls:
    """MEAN over height and width as LiteRT's vector code has it."""
    summed, limits, rule = _sums(inputs[0], (1, 2)), np.iinfo(plan.output_dtype), plan.requantize
    if summed is None:
        return None
    acc, calls = summed
    fixed = rule.half_up
    each = [np.array(np.broadcast_to(v, acc.shape[1])) for v in (fixed.quantized_multiplier, fixed.shift)]
    bounds = plan.output_offset, int(limits.min), int(limits.max)
    y = outputs[0].reshape(acc.shape)
    return [*calls, Call(requantize_kernels.half_up, (acc, *each, rule.channels_in_blocks, *bounds, y))]


def byte_sums(plan: mean.QuantizedPlan, constants: Arrays, inputs: Arrays, outputs: Arrays) -> Calls:
    """SUM on the bytes of int8 or uint8."""
    return means(plan, constants, [inputs[0].view(np.uint8)], [outputs[0].view(np.uint8)])


def float_sums(plan: optimized_sum.FloatSumPlan, constants: Arrays, inputs: Arrays, outputs: Arrays) -> Calls:
    """SUM of LiteRT's optimized kernels where the constants are finite."""
    summed, limits = _sums(inputs[0], plan.axes), np.iinfo(plan.output_dtype)
    if summed is None or not np.isfinite([plan.scale, plan.bias]).all():
        return None
    acc, calls = summed
    bounds = plan.output_offset, int(limits.min), int(limits.max)
    return [*calls, Call(kernels.scale_float32_away, (acc, plan.scale, plan.bias, *bounds, outputs[0].reshape(acc.shape)))]


def extrema(plan: _extremum.ExtremumPlan, constants: Arrays, inputs: Arrays, outputs: Arrays) -> Calls:
    """REDUCE_MAX and REDUCE_MIN of integers and booleans."""
    x, y = (a.view(np.uint8) if a.dtype == bool else a for a in (inputs[0], outputs[0]))
    found = blocks_of(x, plan.axes)
    if found is None or x.dtype.kind not in "iu":
        return None
    blocks, calls = found
    y = y.reshape(blocks.shape[0], blocks.shape[2])
    if blocks.shape[2] * blocks.itemsize < extremum_tile.BLOCK_BYTES:
        return [*calls, Call(kernels.greatest if plan.greatest else kernels.least, (blocks, y))]
    limits = [int(limit) for limit in (np.iinfo(x.dtype).min, np.iinfo(x.dtype).max)]
    return [*calls, Call(extremum_tile.reduce, (blocks, plan.greatest, *limits[:: 1 if plan.greatest else -1], y))]


def scaled_sums(plan: xnnpack.ScaledSumPlan, constants: Arrays, inputs: Arrays, outputs: Arrays) -> Calls:
    """MEAN and SUM of XNNPACK where sums fit in 32 bits and the constants are finite."""
    x, limits = inputs[0], np.iinfo(plan.output_dtype)
    summed = _sums(x, plan.axes) if x.size < 2**23 and np.isfinite([plan.scale, plan.bias]).all() else None
    if summed is None:
        return None
    acc, calls = summed
    bounds = int(limits.min), int(limits.max)
    return [*calls, Call(kernels.scale_float32, (acc, plan.scale, plan.bias, *bounds, outputs[0].reshape(acc.shape)))]


CALLS: dict[Callable[..., Any], Callable[..., Calls]] = {
    mean.mean: means,
    sum.sum_bytes: byte_sums,
    _extremum.extremum: extrema,
    optimized_sum.sum_quantized: float_sums,
    optimized_mean.spatial_mean: spatial_means,
    xnnpack.sum_quantized: scaled_sums,
}
