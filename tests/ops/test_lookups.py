"""Operators that fill, look up and scatter: GATHER and its kin, FILL, RANGE, ONE_HOT, TOPK_V2, UNIQUE, segments..."""

from __future__ import annotations

import numpy as np
import pytest
from explanations import check_some_explanations
from one_operator import T, both_refuse, compare, const, evaluate, every, model_of, refusal
from oracle import assert_equals_litert, needs_litert

from qref.ops._movement import EVERY_TYPE
from qref.schema import GraphBuilder, TensorType

F32, F16, F64, I8, U8, I16, I32, I64, BOOL, INT4 = (
    TensorType.FLOAT32,
    TensorType.FLOAT16,
    TensorType.FLOAT64,
    TensorType.INT8,
    TensorType.UINT8,
    TensorType.INT16,
    TensorType.INT32,
    TensorType.INT64,
    TensorType.BOOL,
    TensorType.INT4,
)
RNG = np.random.default_rng(0)


@needs_litert
@pytest.mark.parametrize("type", [F32, F16, I8, U8, I16, I32, I64, BOOL])
def test_gather_along_every_axis_with_batches(type):
    x = every(RNG, type, (2, 3, 4))
    for axis, batch_dims, positions in (
        (0, 0, [1, 0, 1]),
        (1, 0, [[2, 0], [1, 1]]),
        (-1, 0, 3),
        (1, 1, [[0, 2], [1, 0]]),
        (2, 1, [[3, 0], [1, 1]]),
        (2, 2, [[[1], [0], [2]], [[0], [3], [1]]]),
        (2, -1, [[1, 0], [2, 3]]),
    ):
        options = ("GatherOptions", {"axis": axis, "batch_dims": batch_dims})
        for dtype in (np.int32, np.int64):
            compare(model_of("GATHER", [T(type, x.shape), const(positions, dtype)], [T(type)], options), x)


@needs_litert
def test_gather_refuses_positions_out_of_range():
    x = np.zeros((2, 3), np.float32)
    model = model_of("GATHER", [T(F32, (2, 3)), T(I32, (2,))], [T(F32)], ("GatherOptions", {"axis": 1}))
    for wrong in (3, -1):
        assert f"index {wrong} is out of range" in both_refuse(model, x, np.array([0, wrong], np.int32))
    assert "does not fit" in both_refuse(
        model_of("GATHER", [T(F32, (2, 3)), T(I32, (2,))], [T(F32)], ("GatherOptions", {"axis": 0, "batch_dims": 1})),
        x,
        np.zeros(2, np.int32),
    )


@needs_litert
@pytest.mark.parametrize("type", [F32, F16, I8, U8, I16, I32, I64, BOOL])
def test_gather_nd(type):
    x = every(RNG, type, (2, 3, 4))
    for coordinates in ([[1], [0]], [[[1, 2]], [[0, 0]]], [[1, 2, 3], [0, 0, 1]], [1, 2]):
        for dtype in (np.int32, np.int64):
            compare(model_of("GATHER_ND", [T(type, x.shape), const(coordinates, dtype)], [T(type)]), x)


@needs_litert
def test_gather_nd_refuses_coordinates_out_of_range():
    x = np.zeros((2, 3), np.float32)
    model = model_of("GATHER_ND", [T(F32, (2, 3)), T(I32, (1, 2))], [T(F32)])
    for wrong in ([[2, 0]], [[0, -1]], [[0, 3]]):
        assert "out of range" in both_refuse(model, x, np.array(wrong, np.int32))


@needs_litert
@pytest.mark.parametrize("type", [F32, I8, U8, I32, I64])
def test_scatter_nd_adds_where_coordinates_repeat(type):
    for shape, coordinates in (((5,), [[1], [3], [1]]), ((3, 4), [[2], [0]]), ((3, 4), [[2, 1], [0, 0], [2, 1]])):
        where = np.array(coordinates, np.int32)
        updates = every(RNG, type, (*where.shape[:-1], *shape[where.shape[-1] :]))
        compare(model_of("SCATTER_ND", [const(where), T(type, updates.shape), const(shape)], [T(type)]), updates)
        computed = model_of("SCATTER_ND", [T(I32, where.shape), T(type, updates.shape), T(I32, (len(shape),))], [T(type)])
        compare(computed, where, updates, np.array(shape, np.int32))


@needs_litert
def test_scatter_nd_of_bools_is_an_or():
    where, updates = const([[1], [3], [1]]), np.array([True, True, False])
    compare(model_of("SCATTER_ND", [where, T(BOOL, (3,)), const([5])], [T(BOOL)]), updates)


@needs_litert
def test_scatter_nd_refuses_coordinates_out_of_range():
    model = model_of("SCATTER_ND", [T(I32, (1, 1)), T(F32, (1,)), const([4])], [T(F32)])
    for wrong in (4, -1):
        assert "out of range" in both_refuse(model, np.array([[wrong]], np.int32), np.zeros(1, np.float32))


@needs_litert
@pytest.mark.parametrize("type", EVERY_TYPE)
def test_fill_takes_every_type(type):
    scale = 0.1 if type in (I8, U8, I16) else None
    value = const(every(RNG, type, ()), type.dtype, scale)
    for dtype in (np.int32, np.int64):
        model = model_of("FILL", [T(I64 if dtype == np.int64 else I32, (2,)), value], [T(type, (), scale)])
        compare(model, np.array([2, 3], dtype))


@needs_litert
def test_fill_refuses_negative_dimensions():
    model = model_of("FILL", [T(I32, (2,)), const(1.0, np.float32)], [T(F32)])
    assert "may be negative" in both_refuse(model, np.array([2, -1], np.int32))


@needs_litert
def test_range_adds_delta_step_by_step():
    for start, limit, delta in ((0, 10, 3), (10, 0, -3), (5, 5, 1), (0, 9, 3), (-4, 7, 2)):
        for type in (I32, I64, F32):
            model = model_of("RANGE", [T(type)] * 3, [T(type)])
            if start != limit:
                compare(model, *(np.array(v, type.dtype) for v in (start, limit, delta)))
    model = model_of("RANGE", [T(F32)] * 3, [T(F32)])
    for start, limit, delta in ((0.1, 7.3, 0.1), (1.0, -2.0, -0.07), (-0.0, 1.0, 0.3), (0.0, 1.0, 0.1)):
        compare(model, *(np.float32(v) for v in (start, limit, delta)))
    constant = model_of(
        "RANGE",
        [
            const(1),
            const(9),
            const(2),
        ],
        [T(I32)],
    )
    np.testing.assert_array_equal(evaluate(constant)[0], [1, 3, 5, 7])


@needs_litert
def test_range_refuses_a_limit_that_cannot_be_reached():
    model = model_of("RANGE", [T(I32)] * 3, [T(I32)])
    for start, limit, delta in ((0, 10, 0), (0, 10, -1), (10, 0, 1)):
        both_refuse(model, *(np.array(v, np.int32) for v in (start, limit, delta)))
    assert "Limits.max_tensor_bytes" in refusal(
        model, np.array(0, np.int32), np.array(2**31 - 1, np.int32), np.array(1, np.int32)
    )


@needs_litert
def test_zeros_like_broadcast_args_and_fill_shapes():
    for type in (F32, I32, I64):
        compare(model_of("ZEROS_LIKE", [T(type, (2, 3))], [T(type)]), every(RNG, type, (2, 3)))
    for dtype, type in ((np.int32, I32), (np.int64, I64)):
        for a, b in (([2, 1, 3], [4, 1]), ([5], [2, 5]), ([1], [1]), ([1, 4], [3, 1])):
            model = model_of("BROADCAST_ARGS", [T(type, (len(a),)), T(type, (len(b),))], [T(type)])
            compare(model, np.array(a, dtype), np.array(b, dtype))


@needs_litert
def test_broadcast_args_refuses_shapes_that_do_not_broadcast():
    model = model_of("BROADCAST_ARGS", [T(I32, (2,)), T(I32, (1,))], [T(I32)])
    assert "do not broadcast" in both_refuse(model, np.array([2, 3], np.int32), np.array([2], np.int32))


@needs_litert
def test_broadcast_to_refuses_what_does_not_broadcast():
    x = np.zeros((2, 3), np.float32)
    for shape in ([3], [3, 3], [2, 2, 1]):
        assert "cannot be broadcast" in both_refuse(model_of("BROADCAST_TO", [T(F32, (2, 3)), const(shape)], [T(F32)]), x)


@needs_litert
@pytest.mark.parametrize("type", [F32, I8, U8, I32, I64, BOOL])
def test_one_hot_leaves_positions_out_of_range_off(type):
    on, off = const(1, type.dtype), const(0 if type == BOOL else 5, type.dtype)
    for axis in (-1, 0, 1, 2):
        for dtype in (np.int32, np.int64):
            positions = T(I64 if dtype == np.int64 else I32, (2, 3))
            model = model_of("ONE_HOT", [positions, const(4), on, off], [T(type)], ("OneHotOptions", {"axis": axis}))
            compare(model, np.array([[0, 3, 4], [-1, 2, 2]], dtype))


@needs_litert
def test_one_hot_refuses_an_axis_out_of_range():
    operands = [T(I32, (2, 3)), const(4), const(1.0, np.float32), const(0.0, np.float32)]
    model = model_of("ONE_HOT", operands, [T(F32)], ("OneHotOptions", {"axis": 3}))
    assert "out of range" in both_refuse(model, np.zeros((2, 3), np.int32))


@needs_litert
@pytest.mark.parametrize("type", [F32, I8, U8, I16, I32, I64])
def test_topk_takes_the_first_of_equal_elements_first(type):
    for shape, k in (((7,), 3), ((3, 9), 9), ((2, 3, 5), 1), ((4, 60), 20)):
        model = model_of("TOPK_V2", [T(type, shape), const(k)], [T(type), T(I32)])
        compare(model, RNG.integers(0, 4, shape).astype(type.dtype))
        compare(model, every(RNG, type, shape))
    compare(model_of("TOPK_V2", [T(F32, (4,)), T(I32)], [T(F32), T(I32)]), every(RNG, F32, (4,)), np.array(2, np.int32))


@needs_litert
def test_topk_refuses_more_than_there_are():
    x = np.zeros((2, 3), np.float32)
    assert "at most the last dimension" in both_refuse(model_of("TOPK_V2", [T(F32, (2, 3)), const(4)], [T(F32), T(I32)]), x)
    assert "k is -1" in refusal(model_of("TOPK_V2", [T(F32, (2, 3)), const(-1)], [T(F32), T(I32)]), x)


@needs_litert
@pytest.mark.parametrize("type", [F32, I8, U8, I16, I32, I64])
def test_unique_keeps_the_order_of_first_appearance(type):
    for index_type in (I32, I64):
        model = model_of("UNIQUE", [T(type, (9,))], [T(type), T(index_type)], ("UniqueOptions", {"idx_out_type": index_type}))
        compare(model, np.array([4, 1, 4, 0, 7, 1, 0, 4, 9], type.dtype))
        compare(model, every(RNG, type, (9,)))


@needs_litert
def test_what_follows_unique_takes_its_shape():
    graph = GraphBuilder()
    x = graph.input("x", I32, (6,))
    values, places = graph.tensor("values", I32), graph.tensor("places", I32, (6,))
    graph.operator("UNIQUE", [x], [values, places], ("UniqueOptions", {"idx_out_type": I32}))
    count, ones = graph.tensor("count", I32), graph.tensor("twice", I32)
    graph.operator("SHAPE", [values], [count], ("ShapeOptions", {"out_type": I32}))
    graph.operator("CONCATENATION", [values, values], [ones], ("ConcatenationOptions", {"axis": 0}))
    model = graph.model(outputs=[count, ones])
    rounds = [{0: np.array(v, np.int32)} for v in ([1, 2, 3, 1, 2, 3], [5, 5, 5, 5, 5, 5], [6, 5, 4, 3, 2, 1])]
    assert_equals_litert(model, rounds)


@needs_litert
@pytest.mark.parametrize("type", [F32, I8, U8, I32, I64])
def test_sparse_to_dense_keeps_the_last_of_equal_coordinates(type):
    default = const(3, type.dtype)
    for shape, coordinates, count in (
        ((5,), [1, 3, 1], 3),
        ((3, 4), [[2, 1], [0, 0], [2, 1]], 3),
        ((3,), 2, None),
        ((4,), [0, 2], None),
    ):
        for dtype in (np.int32, np.int64):
            values = T(type, () if count is None else (count,))
            inputs = [const(coordinates, dtype), const(shape, dtype), values, default]
            compare(model_of("SPARSE_TO_DENSE", inputs, [T(type)], ("SparseToDenseOptions", {})), every(RNG, type, values.shape))


def test_sparse_to_dense_refuses_coordinates_out_of_range():
    inputs = [T(I32, (1,)), const([4]), const([1.0], np.float32), const(0.0, np.float32)]
    assert "out of range" in refusal(model_of("SPARSE_TO_DENSE", inputs, [T(F32)]), np.array([4], np.int32))


@needs_litert
@pytest.mark.parametrize("type", [F32, F64, I32, I64])
def test_bucketize_counts_the_boundaries_at_most_x(type):
    options = ("BucketizeOptions", {"boundaries": [-1.0, 0.0, 0.1, 2.0, 16777216.0]})
    x = np.array([-3, -1, 0, 0.1, 1, 2, 3, 16777217, 16777215], type.dtype)
    compare(model_of("BUCKETIZE", [T(type, (9,))], [T(I32)], options), x)
    assert "rising" in refusal(
        model_of("BUCKETIZE", [T(type, (9,))], [T(I32)], ("BucketizeOptions", {"boundaries": [1.0, 0.0]})), x
    )


@needs_litert
@pytest.mark.parametrize("type", [F32, I32])
@pytest.mark.parametrize("combine", ["SUM", "MAX", "MIN", "PROD"])
def test_unsorted_segments(type, combine):
    for shape, numbers in (((5,), [0, 2, 0, -1, 2]), ((4, 3), [1, 1, 3, 0]), ((2, 2, 3), [[0, 2], [2, 0]])):
        inputs = [T(type, shape), const(numbers), const(5)]
        compare(model_of(f"UNSORTED_SEGMENT_{combine}", inputs, [T(type)]), every(RNG, type, shape))
    zeros = np.array([0.0, -0.0, -0.0, 0.0], np.float32)
    model = model_of(f"UNSORTED_SEGMENT_{combine}", [T(F32, (4,)), const([0, 0, 1, 1]), const(2)], [T(F32)])
    compare(model, zeros)
    wrong = model_of(f"UNSORTED_SEGMENT_{combine}", [T(F32, (4,)), T(I32, (4,)), const(2)], [T(F32)])
    assert "out of range" in both_refuse(wrong, zeros, np.array([0, 1, 2, 0], np.int32))


@needs_litert
@pytest.mark.parametrize("type", [F32, I32])
def test_segment_sum_is_that_of_the_optimized_kernels(type):
    for shape, numbers in (((5,), [0, 0, 1, 2, 2]), ((4, 3), [0, 1, 1, 1])):
        model = model_of("SEGMENT_SUM", [T(type, shape), const(numbers)], [T(type)])
        assert_equals_litert(model, [{0: every(RNG, type, shape)}], kernel_set="optimized")
    assert "at most one more" in refusal(
        model_of("SEGMENT_SUM", [T(F32, (2,)), const([0, 2])], [T(F32)]), np.zeros(2, np.float32)
    )


@needs_litert
@pytest.mark.parametrize("type", EVERY_TYPE)
def test_embedding_lookup_copies_rows(type):
    table = const(every(RNG, type, (5, 3)), type.dtype)
    compare(model_of("EMBEDDING_LOOKUP", [T(I32, (4,)), table], [T(type)]), np.array([4, 0, 2, 4], np.int32))


@needs_litert
@pytest.mark.parametrize("type", [I8, U8, INT4])
def test_embedding_lookup_dequantizes(type):
    rows = RNG.integers(-8, 8, (5, 6)).astype(np.int8) if type == INT4 else every(RNG, type, (5, 6))
    for scale in (0.3, [0.1, 0.2, 0.3, 0.4, 0.7]) if type != U8 else (0.3,):
        model = model_of(
            "EMBEDDING_LOOKUP", [T(I32, (4,)), T(type, rows.shape, scale, 0, rows)], [T(F32)], version=4 if type == INT4 else 3
        )
        compare(model, np.array([4, 0, 2, 4], np.int32))
        check_some_explanations(model, "litert-reference", np.array([4, 0, 2, 4], np.int32))


@needs_litert
def test_embedding_lookup_refuses_rows_out_of_range():
    model = model_of("EMBEDDING_LOOKUP", [T(I32, (1,)), const(np.zeros((5, 3)), np.float32)], [T(F32)])
    for wrong in (5, -1):
        assert "out of range" in both_refuse(model, np.array([wrong], np.int32))
