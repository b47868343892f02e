"""Pooling, resizing, reductions."""

from __future__ import annotations

import numpy as np

from qref.schema import TensorType

from .combination import QUANTIZED, Case, Draw, T, conformance, const

BOOL, F32, I8, I16, I32, I64, U8 = (
    TensorType.BOOL,
    TensorType.FLOAT32,
    TensorType.INT8,
    TensorType.INT16,
    TensorType.INT32,
    TensorType.INT64,
    TensorType.UINT8,
)


@conformance("AVERAGE_POOL_2D MAX_POOL_2D", "int8 uint8 int16 float32")
@conformance("L2_POOL_2D", "float32")
def pool(draw: Draw, name: str, type: TensorType) -> Case:
    filter, strides, padding = ([draw.integer(1, 7) for _ in "hw"], [draw.integer(1, 3) for _ in "hw"], draw.integer(0, 1))
    sizes = [draw.integer(n if padding else max(1, n - 3), n + 6) for n in filter]
    shape = (draw.integer(1, 2), *sizes, draw.size())
    output = [-(-(n - (k - 1) * padding) // s) for n, k, s in zip(sizes, filter, strides)]
    x = draw.tensor(type, shape)
    y = T(type, (shape[0], *output, shape[3]), x.scale, x.zero_point)
    names = ("padding", "stride_h", "stride_w", "filter_height", "filter_width", "fused_activation_function")
    options = ("Pool2DOptions", dict(zip(names, (padding, *strides, *filter, draw.one((0, 0, 1, 2, 3))))))
    return draw.case(name, [x], [y], options, 3 if type == I16 else 2 if name != "L2_POOL_2D" else 1)


@conformance("RESIZE_BILINEAR", "int8 uint8 int16 float32")
@conformance("RESIZE_NEAREST_NEIGHBOR", "float32 float16 int8 uint8 int16 uint16 int32 uint32 bool")
def resize(draw: Draw, name: str, type: TensorType) -> Case:
    shape = (draw.integer(1, 2), draw.integer(1, 9), draw.integer(1, 9), draw.one((1, 2, 3, 4, 7, 8, 9, 16, 17)))
    size = [2 * shape[1], 2 * shape[2]] if draw.chance(0.2) else [draw.integer(1, 20) for _ in "hw"]
    modes = draw.one(({}, {"align_corners": True}, {"half_pixel_centers": True}))
    x = draw.tensor(type, shape)
    y = T(type, (shape[0], *size, shape[3]), x.scale, x.zero_point)
    table = "ResizeBilinearOptions" if name == "RESIZE_BILINEAR" else "ResizeNearestNeighborOptions"
    return draw.case(name, [x, const(size)], [y], (table, modes), 4)


@conformance("MEAN", "int8 uint8 int16 float32 int32 int64")
@conformance("SUM", "int8 uint8 float32 int32 int64 bool")
@conformance("REDUCE_MAX REDUCE_MIN", "int8 uint8 int16 float32 int32 int64 bool")
@conformance("REDUCE_PROD", "int8 int16 float32 int32 int64 bool")
@conformance("REDUCE_ANY REDUCE_ALL", "bool")
def reduction(draw: Draw, name: str, type: TensorType) -> Case:
    shape = draw.shape(1, 5)
    if draw.chance(0.1):
        shape = (draw.integer(1, 2), draw.integer(600, 900), draw.integer(1, 3))
    rank = len(shape)
    axes = np.sort(draw.rng.permutation(rank)[: draw.integer(1, rank)])
    if rank == 4 and draw.chance(0.4):
        axes = np.array([1, 2])
    if draw.chance(0.3):
        axes = axes - rank * draw.rng.integers(0, 2, axes.size)
    keep_dims = draw.chance()
    reduced = {int(a) % rank for a in axes}
    kept = [1 if i in reduced else n for i, n in enumerate(shape) if keep_dims or i not in reduced]
    x, y = draw.tensor(type, shape), draw.tensor(type, kept)
    if name in ("REDUCE_MAX", "REDUCE_MIN") and type in QUANTIZED:
        y = T(type, kept, x.scale, x.zero_point)
    if name == "SUM" and type in QUANTIZED:
        y = draw.tensor(type, kept, 0.1, 10.0)
    version = 1 if name in ("REDUCE_ANY", "REDUCE_ALL") else 2
    return draw.case(name, [x, const(axes)], [y], ("ReducerOptions", {"keep_dims": keep_dims}), version, infinite=True)


@conformance("ARG_MAX ARG_MIN", "float32 int8 uint8 int32 bool")
def arg_extremum(draw: Draw, name: str, type: TensorType) -> Case:
    shape = draw.shape(1, 4)
    axis, output = draw.integer(-len(shape), len(shape) - 1), draw.one((I32, I64))
    values = draw.rng.integers(0, 3, shape).astype(type.dtype) if draw.chance() else draw.values(type, shape, infinite=True)
    options = ("ArgMaxOptions" if name == "ARG_MAX" else "ArgMinOptions", {"output_type": output})
    inputs = [T(type, shape), const(axis, draw.one((np.int32, np.int64)))]
    return draw.case(name, inputs, [T(output)], options, 2, given={0: values})


@conformance("CUMSUM", "float32 int32 int64")
def cumsum(draw: Draw, name: str, type: TensorType) -> Case:
    shape = draw.shape(1, 4)
    axis = draw.integer(-len(shape), len(shape) - 1)
    options = ("CumsumOptions", {"exclusive": draw.chance(), "reverse": draw.chance()})
    return draw.case(name, [T(type, shape), const(axis)], [T(type)], options)


@conformance("REDUCE_WINDOW", "float32 int8 uint8 int16 int32 int64 bool")
def reduce_window(draw: Draw, name: str, type: TensorType) -> Case:
    rank = draw.integer(1, 3)
    window, strides, dilations = ([draw.integer(1, high) for _ in range(rank)] for high in (3, 2, 2))
    shape = tuple((w - 1) * d + 1 + draw.integer(0, 5) for w, d in zip(window, dilations))
    function = draw.integer(5, 6) if type == BOOL else draw.integer(1, 4)
    numbers = [const(v, np.int64) for v in (window, strides, dilations)]
    inputs = [T(type, shape), draw.constant(type, ()), *numbers]
    return draw.case(name, inputs, [T(type)], ("ReduceWindowOptions", {"reduce_function": function}))
