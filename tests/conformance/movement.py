"""Operators that move data: shapes, borders, pieces, slices, blocks."""

from __future__ import annotations

import numpy as np

from qref.schema import TensorType

from .combination import Case, Draw, T, conformance, const

F32, I8, I32, I64, U8 = TensorType.FLOAT32, TensorType.INT8, TensorType.INT32, TensorType.INT64, TensorType.UINT8
EVERY = "float32 float16 float64 int32 int64 uint32 uint16 bool int8 uint8 int16"
INDEX = (np.int32, np.int64)


def alike(draw: Draw, type: TensorType, shape) -> tuple[T, T]:
    """x and y of one quantization; y without a declared shape."""
    x = draw.tensor(type, shape)
    return x, T(type, (), x.scale, x.zero_point)


@conformance("RESHAPE", EVERY)
def reshape(draw: Draw, name: str, type: TensorType) -> Case:
    shape = draw.shape(1, 4, least=0 if draw.chance(0.1) else 1)
    count = int(np.prod(shape))
    factors = [n for n in range(1, count + 1) if count % n == 0] or [1]
    first = draw.one(factors)
    wanted = [count] if not count else draw.one(([-1], [first, -1], [first, count // first], [1, count, 1]))
    x, y = alike(draw, type, shape)
    return draw.case(name, [x, const(wanted)], [y], ("ReshapeOptions", {}))


@conformance("TRANSPOSE", EVERY)
def transpose(draw: Draw, name: str, type: TensorType) -> Case:
    x, y = alike(draw, type, draw.shape(1, 6, least=1))
    order = draw.rng.permutation(len(x.shape))
    order = order - len(order) * draw.rng.integers(0, 2, order.size) * draw.chance(0.2)
    return draw.case(name, [x, const(order)], [y])


@conformance("EXPAND_DIMS SQUEEZE", EVERY)
def dimensions(draw: Draw, name: str, type: TensorType) -> Case:
    shape = draw.shape(0, 4)
    if name == "EXPAND_DIMS":
        x, y = alike(draw, type, shape)
        axis = draw.integer(-len(shape) - 1, len(shape))
        return draw.case(name, [x, const(axis, draw.one(INDEX))], [y])
    shape = tuple(1 if draw.chance(0.4) else n for n in shape)
    ones = [i for i, n in enumerate(shape) if n == 1]
    dims = [] if not ones or draw.chance() else [draw.one(ones) - (len(shape) if draw.chance() else 0)]
    x, y = alike(draw, type, shape)
    return draw.case(name, [x], [y], ("SqueezeOptions", {"squeeze_dims": dims}))


@conformance("SHAPE RANK", EVERY)
def questions(draw: Draw, name: str, type: TensorType) -> Case:
    x = draw.tensor(type, draw.shape(1, 6, least=0))
    if name == "RANK":
        return draw.case(name, [x], [T(I32)])
    out = draw.one((I32, I64))
    return draw.case(name, [x], [T(out)], ("ShapeOptions", {"out_type": out}))


@conformance("SLICE", EVERY)
def box(draw: Draw, name: str, type: TensorType) -> Case:
    shape = draw.shape(1, 5)
    begin = [draw.integer(0, n - 1) for n in shape]
    size = [-1 if draw.chance(0.3) else draw.integer(1, n - b) for n, b in zip(shape, begin)]
    x, y = alike(draw, type, shape)
    dtype = draw.one(INDEX)
    return draw.case(name, [x, const(begin, dtype), const(size, dtype)], [y])


@conformance("STRIDED_SLICE", EVERY)
def strided_slice(draw: Draw, name: str, type: TensorType) -> Case:
    shape = draw.shape(1, 4)
    count = draw.integer(1, len(shape))
    begin, end, strides = [], [], []
    for n in shape[:count]:
        forward, a, b = draw.chance(0.7), draw.integer(0, n - 1), draw.integer(0, n - 1)
        low, high = sorted((a, b))
        begin.append(low if forward else high)
        end.append(high + 1 if forward else low - 1 if low else -n - 1)
        strides.append(draw.integer(1, 3) * (1 if forward else -1))
    masks = {mask: draw.integer(0, 2**count - 1) * draw.chance(0.4) for mask in ("begin_mask", "end_mask")}
    if draw.chance(0.3):
        shrunk = masks["shrink_axis_mask"] = draw.integer(0, 2**count - 1)
        strides = [1 if shrunk >> i & 1 else s for i, s in enumerate(strides)]
        masks["begin_mask"] &= ~shrunk
    x, y = alike(draw, type, shape)
    return draw.case(name, [x, const(begin), const(end), const(strides)], [y], ("StridedSliceOptions", masks))


@conformance("TILE BROADCAST_TO", EVERY)
def repeat(draw: Draw, name: str, type: TensorType) -> Case:
    shape = draw.shape(1, 4, most=200)
    dtype = draw.one(INDEX)
    if name == "TILE":
        x, y = alike(draw, type, shape)
        return draw.case(name, [x, const([draw.integer(1, 3) for _ in shape], dtype)], [y])
    narrow = tuple(1 if draw.chance() else n for n in shape)[draw.integer(0, len(shape) - 1) :]
    x, y = alike(draw, type, narrow)
    return draw.case(name, [x, const(shape, dtype)], [y])


@conformance("PAD PADV2", "float32 float16 int8 uint8 int16 int32 int64 bool")
@conformance("MIRROR_PAD", EVERY)
def borders(draw: Draw, name: str, type: TensorType) -> Case:
    shape = draw.shape(1, 4 if name == "MIRROR_PAD" else 5, most=400)
    x, y = alike(draw, type, shape)
    dtype = draw.one(INDEX)
    if name == "MIRROR_PAD":
        mode = draw.integer(0, 1)
        pairs = [[draw.integer(0, min(3, n - 1 + mode)) for _ in "ab"] for n in shape]
        return draw.case(name, [x, const(pairs, dtype)], [y], ("MirrorPadOptions", {"mode": mode}))
    pairs = const([[draw.integer(0, 3) * draw.chance(0.7) for _ in "ab"] for _ in shape], dtype)
    value = [draw.constant(type, (), scale=x.scale, zero_point=x.zero_point)] if name == "PADV2" else []
    return draw.case(name, [x, pairs, *value], [y])


@conformance("CONCATENATION", "float32 float16 int8 uint8 int16 int32 int64 uint32 bool")
def concatenation(draw: Draw, name: str, type: TensorType) -> Case:
    shape = draw.shape(1, 5, most=300)
    axis = draw.integer(0, len(shape) - 1)
    first, y = alike(draw, type, shape)
    operands = []
    for _ in range(draw.integer(1, 5)):
        mine = (*shape[:axis], draw.size(), *shape[axis + 1 :])
        x = draw.tensor(U8, mine) if type == U8 and draw.chance() else T(type, mine, first.scale, first.zero_point)
        operands.append(x)
    axis -= len(shape) if draw.chance(0.3) else 0
    return draw.case(name, operands, [y], ("ConcatenationOptions", {"axis": axis}), 2)


@conformance("SPLIT SPLIT_V", "float32 int8 uint8 int16 int32 int64")
@conformance("UNPACK", "float32 float16 int8 uint8 int16 int32 bool")
def pieces(draw: Draw, name: str, type: TensorType) -> Case:
    shape = list(draw.shape(1 if name != "UNPACK" else 2, 4, most=300))
    axis = draw.integer(0, len(shape) - 1)
    count = draw.integer(1, 4)
    spelled = axis - (len(shape) if draw.chance(0.3) else 0)
    if name == "SPLIT":
        shape[axis] = count * draw.integer(1, 5)
        x, y = alike(draw, type, shape)
        return draw.case(name, [const(spelled), x], [y] * count, ("SplitOptions", {"num_splits": count}))
    if name == "UNPACK":
        shape[axis] = count
        x, y = alike(draw, type, shape)
        return draw.case(name, [x], [y] * count, ("UnpackOptions", {"axis": spelled, "num": count}))
    sizes = [draw.integer(1, 5) for _ in range(count)]
    shape[axis] = sum(sizes)
    if draw.chance(0.3):
        sizes[draw.integer(0, count - 1)] = -1
    x, y = alike(draw, type, shape)
    return draw.case(name, [x, const(sizes), const(spelled)], [y] * count, ("SplitVOptions", {"num_splits": count}))


@conformance("PACK", "float32 int8 uint8 int16 int32 int64 uint32")
def pack(draw: Draw, name: str, type: TensorType) -> Case:
    x, y = alike(draw, type, draw.shape(0, 4, most=300))
    count = draw.integer(1, 5)
    options = {"axis": draw.integer(-len(x.shape) - 1, len(x.shape)), "values_count": count}
    return draw.case(name, [x] * count, [y], ("PackOptions", options))


@conformance("SPACE_TO_DEPTH DEPTH_TO_SPACE", "float32 int8 uint8 int32 int64")
def blocks(draw: Draw, name: str, type: TensorType) -> Case:
    block = draw.integer(1, 3)
    height, width, depth = (draw.integer(1, 4) for _ in "hwd")
    shape = (draw.integer(1, 2), height, width, depth * block * block)
    if name == "SPACE_TO_DEPTH":
        shape = (shape[0], height * block, width * block, depth)
    x, y = alike(draw, type, shape)
    table = "SpaceToDepthOptions" if name == "SPACE_TO_DEPTH" else "DepthToSpaceOptions"
    return draw.case(name, [x], [y], (table, {"block_size": block}))


@conformance("SPACE_TO_BATCH_ND BATCH_TO_SPACE_ND", EVERY)
def batches(draw: Draw, name: str, type: TensorType) -> Case:
    count = draw.integer(1, 2)
    block = [draw.integer(1, 3) for _ in range(count)]
    depth, batch = draw.size(), draw.integer(1, 2)
    if name == "SPACE_TO_BATCH_ND":
        sizes = [b * draw.integer(1, 3) for b in block]
        pairs = []
        for place in range(count):
            before = draw.integer(0, min(2, sizes[place] - 1))
            after = draw.integer(0, min(2, sizes[place] - 1 - before))
            sizes[place] -= before + after
            pairs.append([before, after])
        shape = (batch, *sizes, depth)
    else:
        sizes = [draw.integer(2, 4) for _ in block]
        pairs = [[draw.integer(0, 1) * (b > 1), 0] for b in block]
        shape = (batch * int(np.prod(block)), *sizes, depth)
    x, y = alike(draw, type, shape)
    return draw.case(name, [x, const(block), const(pairs)], [y])


@conformance("REVERSE_V2", "float32 float16 int8 uint8 int16 int32 int64 bool")
@conformance("REVERSE_SEQUENCE", "float32 uint8 int16 int32 int64")
def reverse(draw: Draw, name: str, type: TensorType) -> Case:
    shape = draw.shape(2, 4)
    x, y = alike(draw, type, shape)
    if name == "REVERSE_V2":
        axes = draw.rng.permutation(len(shape))[: draw.integer(1, len(shape))]
        axes = axes - len(shape) * draw.chance(0.3)
        axes = np.sort(axes)
        if draw.chance(0.6) or axes[-1] - axes[0] != axes.size - 1:  # only neighbors can be reversed together
            axes = axes[:1]
        return draw.case(name, [x, const(axes)], [y])
    seq_dim, batch_dim = (int(n) for n in draw.rng.permutation(len(shape))[:2])
    lengths = [draw.integer(1, shape[seq_dim]) for _ in range(shape[batch_dim])]
    options = ("ReverseSequenceOptions", {"seq_dim": seq_dim, "batch_dim": batch_dim})
    return draw.case(name, [x, const(lengths, draw.one(INDEX))], [y], options)


@conformance("DYNAMIC_UPDATE_SLICE", EVERY)
def dynamic_update_slice(draw: Draw, name: str, type: TensorType) -> Case:
    shape = draw.shape(1, 4)
    update = tuple(draw.integer(1, n) for n in shape)
    start = np.array([draw.integer(-3, n + 2) for n in shape], draw.one(INDEX))
    x, y = alike(draw, type, shape)
    operands = [x, T(type, update, x.scale, x.zero_point), T(I64 if start.dtype == np.int64 else I32, start.shape)]
    return draw.case(name, operands, [y], given={2: start})


@conformance("DILATE", EVERY)
def dilate(draw: Draw, name: str, type: TensorType) -> Case:
    shape = draw.shape(1, 4, most=200)
    x, y = alike(draw, type, shape)
    factors = const([draw.integer(1, 3) for _ in shape])
    return draw.case(name, [x, factors, draw.constant(type, ())], [y], ("DilateOptions", {}))


@conformance("STABLEHLO_PAD", EVERY)
def stablehlo_pad(draw: Draw, name: str, type: TensorType) -> Case:
    shape = draw.shape(1, 3, most=200)
    fields = {
        "edge_padding_low": [draw.integer(-1 if n > 2 else 0, 2) for n in shape],
        "edge_padding_high": [draw.integer(-1 if n > 2 else 0, 2) for n in shape],
        "interior_padding": [draw.integer(0, 2) for _ in shape],
    }
    x, y = alike(draw, type, shape)
    return draw.case(name, [x, draw.constant(type, ())], [y], ("StablehloPadOptions", fields))


@conformance("MATRIX_DIAG MATRIX_SET_DIAG", "float32 int8 uint8 int16 int32 int64 uint32")
def diagonals(draw: Draw, name: str, type: TensorType) -> Case:
    shape = draw.shape(1 if name == "MATRIX_DIAG" else 2, 3, most=100)
    x, y = alike(draw, type, shape)
    diagonal = [] if name == "MATRIX_DIAG" else [T(type, (*shape[:-2], min(shape[-2:])), x.scale, x.zero_point)]
    return draw.case(name, [x, *diagonal], [y])


@conformance("FILL", EVERY)
def fill(draw: Draw, name: str, type: TensorType) -> Case:
    shape = np.array(draw.shape(1, 4), draw.one(INDEX))
    quantization = draw.tensor(type, ())
    value = draw.constant(type, (), scale=quantization.scale, zero_point=quantization.zero_point)
    sizes = T(I64 if shape.dtype == np.int64 else I32, shape.shape)
    return draw.case(name, [sizes, value], [T(type, (), value.scale, value.zero_point)], given={0: shape})
