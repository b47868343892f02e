"""Binders of windows over the image: AVERAGE_POOL_2D, MAX_POOL_2D, RESIZE_BILINEAR."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from qref.kernels import pooling, resize_bilinear
from qref.ops import average_pool_2d, max_pool_2d
from qref.ops import resize_bilinear as op
from qref.ops._pooling import PoolPlan
from qref.ops.xnnpack import resize_bilinear as xnnpack_resize_bilinear

Bound = Callable[[np.ndarray], np.ndarray]
Constants = Sequence[np.ndarray | None]


def _axes(plan: PoolPlan) -> list[tuple[int, int, int]]:
    axes = (plan.rows, plan.columns)
    return [(axis.stride, axis.padding, min(axis.filter_size, axis.padding + axis.image_size)) for axis in axes]


def bind_average_pool_2d(plan: PoolPlan, constants: Constants) -> Bound:
    """AVERAGE_POOL_2D on integers, widened to int32."""
    rows, columns = _axes(plan)

    def run(x: np.ndarray) -> np.ndarray:
        y = np.empty(plan.output_shape, np.int32)
        pooling.average_integer(np.ascontiguousarray(x, np.int32), rows, columns, int(plan.low), int(plan.high), y)
        return y.astype(x.dtype)

    return run


def bind_average_pool_2d_float32(plan: PoolPlan, constants: Constants) -> Bound:
    """AVERAGE_POOL_2D in float32."""
    rows, columns = _axes(plan)

    def run(x: np.ndarray) -> np.ndarray:
        y = np.empty(plan.output_shape, np.float32)
        pooling.average_float32(np.ascontiguousarray(x), rows, columns, plan.low, plan.high, y)
        return y

    return run


def bind_max_pool_2d(plan: PoolPlan, constants: Constants) -> Bound:
    """MAX_POOL_2D: float32 as it is, integers widened to int32."""
    rows, columns = _axes(plan)

    def run(x: np.ndarray) -> np.ndarray:
        dtype = x.dtype.type if x.dtype == np.float32 else np.int32
        y = np.empty(plan.output_shape, dtype)
        limits = [dtype(limit) for limit in (max_pool_2d.lowest(x.dtype), plan.low, plan.high)]
        pooling.greatest(np.ascontiguousarray(x, dtype), rows, columns, *limits, y)
        return y.astype(x.dtype, copy=False)

    return run


def bind_resize_bilinear_integer(plan: op.ResizeBilinearPlan, constants: Constants) -> Callable[..., np.ndarray]:
    """RESIZE_BILINEAR on int8 and int16."""

    def run(x: np.ndarray, size: np.ndarray) -> np.ndarray:
        y = np.empty(_resized(x, plan), x.dtype)
        kernel = resize_bilinear.integer_8bit if x.itemsize == 1 else resize_bilinear.integer
        kernel(np.array(x, order="C"), *_neighbors(plan), y)
        return y

    return run


def bind_resize_bilinear_float32(plan: op.ResizeBilinearPlan, constants: Constants) -> Callable[..., np.ndarray]:
    """RESIZE_BILINEAR in float32, of float32 and uint8."""

    def run(x: np.ndarray, size: np.ndarray) -> np.ndarray:
        y = np.empty(_resized(x, plan), np.float32)
        resize_bilinear.float32(np.ascontiguousarray(x, np.float32), *_neighbors(plan), y)
        return y if x.dtype == np.float32 else (y + np.float32(0.5)).astype(x.dtype)

    return run


def bind_resize_bilinear_8bit(plan: op.ResizeBilinearPlan, constants: Constants) -> Callable[..., np.ndarray]:
    """RESIZE_BILINEAR of XNNPACK on int8 and uint8."""

    def run(x: np.ndarray, size: np.ndarray) -> np.ndarray:
        y = np.empty(_resized(x, plan), x.dtype)
        resize_bilinear.integer_by_rows(np.array(x, order="C"), *_neighbors(plan), y)
        return y

    return run


def _resized(x: np.ndarray, plan: op.ResizeBilinearPlan) -> tuple[int, int, int, int]:
    return x.shape[0], len(plan.rows.distance), len(plan.columns.distance), x.shape[3]


def _neighbors(plan: op.ResizeBilinearPlan) -> list[np.ndarray]:
    return [array for axis in (plan.rows, plan.columns) for array in (axis.before, axis.after, axis.distance)]


BINDERS: dict[Callable[..., Any], Callable[..., Any]] = {
    average_pool_2d.average_pool_2d: bind_average_pool_2d,
    average_pool_2d.average_pool_2d_float32: bind_average_pool_2d_float32,
    max_pool_2d.max_pool_2d: bind_max_pool_2d,
    op.resize_bilinear_integer: bind_resize_bilinear_integer,
    op.resize_bilinear_float32: bind_resize_bilinear_float32,
    xnnpack_resize_bilinear.resize_bilinear_8bit: bind_resize_bilinear_8bit,
}
