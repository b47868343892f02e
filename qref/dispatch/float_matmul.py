"""Binders of the float32 matmuls of LiteRT's optimized kernels, summed as Eigen does, and of XNNPACK, by fused multiply-add."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from qref.arithmetic.fused import flush_denormals
from qref.dispatch.convolution import geometry, once, unroll
from qref.dispatch.tiles import Constants, Run
from qref.kernels import eigen as eigen_kernels
from qref.kernels import fused as fused_kernels
from qref.ops import _eigen as eigen
from qref.ops import batch_matmul as bmm
from qref.ops import conv_2d as conv
from qref.ops import depthwise_conv_2d as depthwise
from qref.ops import fully_connected as fc
from qref.ops._convolution import patches
from qref.ops._matmul import finish_float32
from qref.ops.optimized import conv_2d as optimized_conv
from qref.ops.optimized import fully_connected as optimized_fc
from qref.ops.xnnpack import batch_matmul as xnnpack_bmm
from qref.ops.xnnpack import conv_2d as xnnpack_conv
from qref.ops.xnnpack import depthwise_conv_2d as xnnpack_depthwise
from qref.ops.xnnpack import fully_connected as xnnpack_fc


def eigen_matmul(x: np.ndarray, w: np.ndarray, columns: np.ndarray, l1_bytes: int) -> np.ndarray:
    """`eigen.matmul` of x [M, K] and w [N, K]; columns [K, N] are the same weights."""
    if not eigen.is_blocked(len(x), x.shape[1], len(w)):
        return eigen.matmul(x, w, l1_bytes)
    y = np.empty((len(x), len(w)), np.float32)
    eigen_kernels.matmul(np.array(x), columns, eigen.panel(x.shape[1], max(y.shape), l1_bytes), y)
    return y


def transposed(w: np.ndarray) -> np.ndarray:
    """Weights [N, ...] as [K, N]."""
    return np.array(w.reshape(len(w), w[0].size).T, order="C")


def bind_eigen_fully_connected(plan: optimized_fc.Float32Plan, constants: Constants) -> Run:
    """FULLY_CONNECTED in float32."""
    packed = once(transposed, constants[1])

    @np.errstate(all="ignore")
    def run(x: np.ndarray, w: np.ndarray, b: np.ndarray | None) -> np.ndarray:
        acc = eigen_matmul(fc.rows_of(x, w), w, packed(w), plan.l1_bytes)
        return finish_float32(acc, b, plan.low, plan.high).reshape(plan.output_shape)

    return run


def bind_eigen_conv_2d(plan: optimized_conv.Float32Plan, constants: Constants) -> Run:
    """CONV_2D in float32 without groups."""
    packed = once(transposed, constants[1])

    @np.errstate(all="ignore")
    def run(x: np.ndarray, w: np.ndarray, b: np.ndarray) -> np.ndarray:
        weights = w.reshape(len(w), w[0].size)
        rows = patches(x, plan.axes).reshape(-1, weights.shape[1])
        acc = eigen_matmul(rows, weights, packed(w), plan.l1_bytes)
        return finish_float32(acc, b, plan.low, plan.high).reshape(plan.output_shape)

    return run


def bias_of(b: np.ndarray | None, channels: int) -> np.ndarray:
    """What sums begin with."""
    return np.zeros(channels, np.float32) if b is None else flush_denormals(b.reshape(-1))


def bind_fused_fully_connected(plan: fc.Float32Plan, constants: Constants) -> Run:
    """FULLY_CONNECTED in float32."""
    packed = once(lambda w: transposed(flush_denormals(w)), constants[1])

    def run(x: np.ndarray, w: np.ndarray, b: np.ndarray | None) -> np.ndarray:
        rows = flush_denormals(fc.rows_of(x, w))
        y = np.empty((len(rows), len(w)), np.float32)
        fused_kernels.matmul(rows, packed(w), bias_of(b, len(w)), plan.low, plan.high, y)
        return y.reshape(plan.output_shape)

    return run


def bind_fused_conv_2d(plan: conv.Float32Plan, constants: Constants) -> Run:
    """CONV_2D in float32, output channels innermost; one filter for each channel in another kernel."""

    def pack(w: np.ndarray) -> np.ndarray:
        grouped = flush_denormals(w).reshape(plan.groups, len(w) // plan.groups, *w.shape[1:])
        return np.array(np.moveaxis(grouped, 1, -1), order="C")

    def pack_depthwise(w: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        weights = np.array(np.moveaxis(flush_denormals(w), 0, -1)[..., 0, :], order="C")
        return weights, taps_of(weights, column_major=weights[..., 0].size <= xnnpack_conv.MOST_TAPS)

    packed: dict[bool, Any] = {False: None, True: None}
    if constants[1] is not None:
        one_each = xnnpack_conv.is_depthwise(constants[1], plan)
        packed[one_each] = (pack_depthwise if one_each else pack)(constants[1])

    def run(x: np.ndarray, w: np.ndarray, b: np.ndarray) -> np.ndarray:
        y = np.empty(plan.output_shape, np.float32)
        if not y.size:
            return y
        arguments = bias_of(b, len(w)), geometry(plan.axes)
        if xnnpack_conv.is_depthwise(w, plan):
            weights, taps = packed[True] or pack_depthwise(w)
            rows = y.reshape(-1, len(w))
            fused_kernels.depthwise(flush_denormals(x), weights, *arguments, taps, plan.low, plan.high, rows)
        else:
            weights = pack(w) if packed[False] is None else packed[False]
            fused_kernels.convolve(flush_denormals(x), weights, *arguments, plan.low, plan.high, y.reshape(-1, len(w)))
        return y

    return run


def taps_of(w: np.ndarray, *, column_major: bool) -> np.ndarray:
    """The positions in a filter [KH, KW, C] in the order in which they are summed, int64 [taps, 2]."""
    taps = np.argwhere(np.ones(w.shape[:2], bool))
    return np.ascontiguousarray(taps[np.argsort(taps[:, 1], kind="stable")] if column_major else taps)


def bind_fused_depthwise_conv_2d(plan: depthwise.Float32Plan, constants: Constants) -> Run:
    """DEPTHWISE_CONV_2D in float32."""

    def pack(w: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        weights = flush_denormals(w[0])
        return weights, taps_of(weights, column_major=xnnpack_depthwise.is_column_major(weights, plan))

    packed = once(pack, constants[1])

    def run(x: np.ndarray, w: np.ndarray, b: np.ndarray | None) -> np.ndarray:
        y = np.empty(plan.output_shape, np.float32)
        if y.size:
            inputs, (weights, taps) = unroll(flush_denormals(x), plan.depth_multiplier), packed(w)
            bias, rows = bias_of(b, w.shape[3]), y.reshape(-1, w.shape[3])
            fused_kernels.depthwise(inputs, weights, bias, geometry(plan.axes), taps, plan.low, plan.high, rows)
        return y

    return run


def bind_fused_batch_matmul(plan: bmm.PlainPlan, constants: Constants) -> Run:
    """BATCH_MATMUL in float32, matrix by matrix."""
    low, high = np.float32(-np.inf), np.float32(np.inf)

    def run(x: np.ndarray, w: np.ndarray) -> np.ndarray:
        batches = plan.output_shape[:-2]
        inputs, weights = bmm.as_rows(x, plan.adj_x), bmm.as_columns(w, plan.adj_y).swapaxes(-1, -2)
        inputs = np.broadcast_to(inputs, (*batches, *inputs.shape[-2:])).reshape(math.prod(batches), *inputs.shape[-2:])
        weights = np.broadcast_to(weights, (*batches, *weights.shape[-2:])).reshape(math.prod(batches), *weights.shape[-2:])
        y = np.empty((len(inputs), *plan.output_shape[-2:]), np.float32)
        for number, (left, right) in enumerate(zip(inputs, weights)):
            rows, columns = np.array(flush_denormals(left), order="C"), np.array(flush_denormals(right), order="C")
            fused_kernels.matmul(rows, columns, bias_of(None, y.shape[-1]), low, high, y[number])
        return y.reshape(plan.output_shape)

    return run


BINDERS: dict[Callable[..., Any], Callable[..., Any]] = {
    optimized_fc.fully_connected_float32: bind_eigen_fully_connected,
    optimized_conv.conv_2d_float32: bind_eigen_conv_2d,
    xnnpack_fc.fully_connected_float32: bind_fused_fully_connected,
    xnnpack_conv.conv_2d_float32: bind_fused_conv_2d,
    xnnpack_depthwise.depthwise_conv_2d_float32: bind_fused_depthwise_conv_2d,
    xnnpack_bmm.batch_matmul_float32: bind_fused_batch_matmul,
}
