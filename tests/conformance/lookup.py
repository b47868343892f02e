"""Operators that look up, scatter, sort and count."""

from __future__ import annotations

import numpy as np

from qref.schema import TensorType

from .combination import Case, Draw, T, conformance, const

F32, I4, I8, I32, I64, U8 = (
    TensorType.FLOAT32,
    TensorType.INT4,
    TensorType.INT8,
    TensorType.INT32,
    TensorType.INT64,
    TensorType.UINT8,
)
EVERY = "float32 float16 float64 int32 int64 uint32 uint16 bool int8 uint8 int16"
GATHERED = "float32 float16 int8 uint8 int16 int32 int64 bool"
INDEX = (np.int32, np.int64)


def few(draw: Draw, type: TensorType, shape) -> np.ndarray:
    """Values with many equal ones, so that ties are met; else any."""
    if draw.chance() and type != TensorType.BOOL:
        return draw.rng.integers(0, 5, shape).astype(type.dtype)
    return draw.values(type, shape)


@conformance("GATHER", GATHERED)
def gather(draw: Draw, name: str, type: TensorType) -> Case:
    shape = draw.shape(1, 4)
    axis = draw.integer(0, len(shape) - 1)
    batch_dims = draw.integer(0, axis) if draw.chance(0.3) else 0
    positions = draw.rng.integers(0, shape[axis], (*shape[:batch_dims], *draw.shape(0 if not batch_dims else 1, 2, most=30)))
    options = ("GatherOptions", {"axis": axis - (len(shape) if draw.chance(0.2) else 0), "batch_dims": batch_dims})
    return draw.case(name, [T(type, shape), const(positions, draw.one(INDEX))], [T(type)], options)


@conformance("GATHER_ND", GATHERED)
def gather_nd(draw: Draw, name: str, type: TensorType) -> Case:
    shape = draw.shape(1, 4)
    depth, places = draw.integer(1, len(shape)), draw.shape(1, 2, most=30)
    coordinates = np.stack([draw.rng.integers(0, n, places) for n in shape[:depth]], -1)
    return draw.case(name, [T(type, shape), const(coordinates, draw.one(INDEX))], [T(type)])


@conformance("SCATTER_ND", "float32 int8 uint8 int32 int64 bool")
def scatter_nd(draw: Draw, name: str, type: TensorType) -> Case:
    shape = draw.shape(1, 3)
    depth, places = draw.integer(1, len(shape)), (draw.size(),)
    where = np.stack([draw.rng.integers(0, n, places) for n in shape[:depth]], -1).astype(np.int32)
    updates = T(type, (*places, *shape[depth:]))
    return draw.case(name, [T(I32, where.shape), updates, const(shape)], [T(type)], given={0: where})


@conformance("ONE_HOT", "float32 int8 uint8 int32 int64 bool")
def one_hot(draw: Draw, name: str, type: TensorType) -> Case:
    shape, depth = draw.shape(1, 3, most=60), draw.integer(1, 9)
    positions = draw.rng.integers(-1, depth + 1, shape).astype(draw.one(INDEX))
    on, off = (draw.constant(type, ()) for _ in "ab")
    options = ("OneHotOptions", {"axis": draw.integer(-1, len(shape))})
    operand = T(I64 if positions.dtype == np.int64 else I32, shape)
    return draw.case(name, [operand, const(depth), on, off], [T(type)], options, given={0: positions})


@conformance("TOPK_V2", "float32 int8 uint8 int16 int32 int64")
def topk(draw: Draw, name: str, type: TensorType) -> Case:
    shape = draw.shape(1, 3)
    k = draw.integer(1, shape[-1])
    return draw.case(name, [T(type, shape), const(k)], [T(type), T(I32)], given={0: few(draw, type, shape)})


@conformance("UNIQUE", "float32 int8 uint8 int16 int32 int64")
def unique(draw: Draw, name: str, type: TensorType) -> Case:
    shape, index = (draw.size(),), draw.one((I32, I64))
    options = ("UniqueOptions", {"idx_out_type": index})
    return draw.case(name, [T(type, shape)], [T(type), T(index)], options, given={0: few(draw, type, shape)})


@conformance("WHERE", "bool float32 int8 uint8 int32 uint32 int64")
def where(draw: Draw, name: str, type: TensorType) -> Case:
    shape = draw.shape(1, 4)
    return draw.case(name, [T(type, shape)], [T(I64)], given={0: few(draw, type, shape)})


@conformance("SPARSE_TO_DENSE", "float32 int8 uint8 int32 int64")
def sparse_to_dense(draw: Draw, name: str, type: TensorType) -> Case:
    shape, count = draw.shape(1, 4), draw.integer(1, 8)
    coordinates = np.stack([draw.rng.integers(0, n, count) for n in shape], -1)
    dtype = draw.one(INDEX)
    inputs = [const(coordinates, dtype), const(shape, dtype), T(type, (count,)), draw.constant(type, ())]
    return draw.case(name, inputs, [T(type)], ("SparseToDenseOptions", {}))


@conformance("UNSORTED_SEGMENT_SUM UNSORTED_SEGMENT_MAX UNSORTED_SEGMENT_MIN UNSORTED_SEGMENT_PROD", "float32 int32")
def unsorted_segments(draw: Draw, name: str, type: TensorType) -> Case:
    shape = draw.shape(1, 3)
    count = draw.integer(1, 5)
    numbers = draw.rng.integers(-1, count, shape[: draw.integer(1, len(shape))])
    return draw.case(name, [T(type, shape), const(numbers), const(count)], [T(type)])


@conformance("SEGMENT_SUM", "float32 int32")
def segment_sum(draw: Draw, name: str, type: TensorType) -> Case:
    shape = draw.shape(1, 3)
    numbers = np.cumsum(draw.rng.integers(0, 2, shape[0]))
    return draw.case(name, [T(type, shape), const(numbers - numbers[0])], [T(type)])


@conformance("EMBEDDING_LOOKUP", f"{EVERY} int8xfloat32 uint8xfloat32 int4xfloat32")
def embedding_lookup(draw: Draw, name: str, type: TensorType, target: TensorType | None = None) -> Case:
    rows, columns = draw.integer(1, 9), draw.size()
    quantization = {}
    if target is not None:
        scale = [draw.scale() for _ in range(rows)] if type != U8 and draw.chance() else draw.scale()
        quantization = {"scale": scale}
    values = draw.rng.integers(-8, 8, (rows, columns)).astype(np.int8) if type == I4 else draw.values(type, (rows, columns))
    table = T(type, (rows, columns), value=values, **quantization)
    wanted = draw.rng.integers(0, rows, draw.size()).astype(np.int32)
    version = {I4: 4}.get(type, 3 if target is not None else 1)
    return draw.case(
        name, [T(I32, wanted.shape), table], [T(type if target is None else target)], version=version, given={0: wanted}
    )


@conformance("EMBEDDING_LOOKUP_SPARSE", "float32")
def embedding_lookup_sparse(draw: Draw, name: str, type: TensorType) -> Case:
    shape, count, rows = [draw.integer(1, 4) for _ in range(draw.integer(1, 3))], draw.integer(1, 12), draw.integer(1, 6)
    indices = np.stack([draw.rng.integers(0, n, count) for n in shape], 1).astype(np.int32)
    if draw.chance(0.7):  # as the specification wants them
        indices = indices[np.lexsort(indices.T[::-1])]
    table = draw.constant(type, (rows, *draw.shape(1, 2)))
    wanted = draw.rng.integers(0, rows, count).astype(np.int32)
    weights = draw.rng.normal(size=count).astype(np.float32)
    inputs = [T(I32, (count,)), T(I32, indices.shape), const(shape), T(type, (count,)), table]
    options = ("EmbeddingLookupSparseOptions", {"combiner": draw.integer(0, 2)})
    return draw.case(name, inputs, [T(type)], options, given={0: wanted, 1: indices, 3: weights})


@conformance("HASHTABLE_LOOKUP", "float32 int32")
def hashtable_lookup(draw: Draw, name: str, type: TensorType) -> Case:
    count, columns = draw.integer(1, 9), draw.size()
    keys = np.sort(draw.rng.choice(40, count, replace=False)) - 20
    wanted = draw.rng.integers(-20, 20, draw.size()).astype(np.int32)
    table = draw.constant(type, (count, columns))
    return draw.case(name, [T(I32, wanted.shape), const(keys), table], [T(type), T(U8)], given={0: wanted})


@conformance("RANGE", "float32 int32 int64")
def range_(draw: Draw, name: str, type: TensorType) -> Case:
    start, count = draw.integer(-20, 20), draw.integer(1, 40)
    delta = draw.one((1, 2, 3, -1, -2))
    if type == F32:
        start, delta = draw.rng.normal() * 3, draw.one((0.1, 0.3, -0.07, 1.0, -0.5, float(draw.rng.uniform(0.01, 2))))
    numbers = [np.asarray(v, type.dtype) for v in (start, start + delta * count, delta)]
    return draw.case(name, [T(type)] * 3, [T(type)], given=dict(enumerate(numbers)))


@conformance("NON_MAX_SUPPRESSION_V4 NON_MAX_SUPPRESSION_V5", "float32")
def suppression(draw: Draw, name: str, type: TensorType) -> Case:
    boxes, soft = draw.integer(1, 40), name.endswith("5")
    inputs = [T(F32, (boxes, 4)), T(F32, (boxes,)), const(draw.integer(1, boxes)), T(F32), T(F32), *([T(F32)] if soft else [])]
    outputs = [T(I32), T(F32), T(I32)] if soft else [T(I32), T(I32)]
    levels = draw.one((3, 10, 1000))
    given = {
        0: draw.rng.uniform(0, 1, (boxes, 4)).astype(np.float32),
        1: (draw.rng.integers(0, levels, boxes) / np.float32(levels)).astype(np.float32),
        3: np.float32(draw.one((0.5, 0.3, 0.7))),
        4: np.float32(draw.one((0.1, 0.0, 0.5))),
        5: np.float32(draw.one((0.0, 0.3))),
    }
    table = f"NonMaxSuppressionV{name[-1]}Options"
    return draw.case(name, inputs, outputs, (table, {}), given=given)
