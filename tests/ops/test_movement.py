"""Operators that move data without looking at it: shapes, borders, pieces, slices, blocks."""

from __future__ import annotations

import numpy as np
import pytest
from one_operator import T, both_refuse, compare, const, evaluate, every, model_of, refusal
from oracle import needs_litert

from qref.ops._movement import EVERY_TYPE
from qref.schema import TensorType

F32, F16, I8, U8, I16, U16, I32, I64, U32, BOOL = (
    TensorType.FLOAT32,
    TensorType.FLOAT16,
    TensorType.INT8,
    TensorType.UINT8,
    TensorType.INT16,
    TensorType.UINT16,
    TensorType.INT32,
    TensorType.INT64,
    TensorType.UINT32,
    TensorType.BOOL,
)
RNG = np.random.default_rng(0)
NOTHING = const(np.zeros(0, np.int32))


def reshape(type, shape, wanted):
    return model_of("RESHAPE", [T(type, shape), const(np.array(wanted, np.int32).reshape(-1))], [T(type)], ("ReshapeOptions", {}))


@needs_litert
@pytest.mark.parametrize("type", EVERY_TYPE)
def test_the_types_of_operators_that_take_every_type(type):
    x = every(RNG, type, (2, 3, 4))
    paddings = const([[1, 0], [2, 2], [0, 3]])
    for name, inputs, options, arrays in (
        ("RESHAPE", [const([4, -1])], ("ReshapeOptions", {}), ()),
        ("TRANSPOSE", [const([2, 0, 1])], None, ()),
        ("SLICE", [const([0, 1, 1]), const([2, -1, 2])], None, ()),
        ("STRIDED_SLICE", [const([0, 2, 1]), const([2, 0, 4]), const([1, -1, 2])], ("StridedSliceOptions", {}), ()),
        ("TILE", [const([1, 2, 3])], None, ()),
        ("BROADCAST_TO", [const([5, 2, 3, 4])], None, ()),
        ("EXPAND_DIMS", [const(-2)], None, ()),
        ("MIRROR_PAD", [paddings], ("MirrorPadOptions", {"mode": 0}), ()),
        ("SPACE_TO_BATCH_ND", [const([3]), const([[1, 2]])], None, ()),
        ("BATCH_TO_SPACE_ND", [const([2]), const([[1, 2]])], None, ()),
        ("DYNAMIC_UPDATE_SLICE", [T(type, (1, 2, 4)), const([1, 7, -3])], None, (every(RNG, type, (1, 2, 4)),)),
    ):
        compare(model_of(name, [T(type, (2, 3, 4)), *inputs], [T(type)], options), x, *arrays)


@needs_litert
@pytest.mark.parametrize("type", [F32, I8, U8, I16, I32, I64, U32])
def test_matrix_diag_and_set_diag(type):
    for shape in ((3,), (2, 3), (2, 2, 3)):
        compare(model_of("MATRIX_DIAG", [T(type, shape)], [T(type)]), every(RNG, type, shape))
    for shape in ((3, 3), (2, 3, 4), (2, 4, 3)):
        diagonal = (*shape[:-2], min(shape[-2:]))
        model = model_of("MATRIX_SET_DIAG", [T(type, shape), T(type, diagonal)], [T(type)])
        compare(model, every(RNG, type, shape), every(RNG, type, diagonal))


def test_matrix_diag_refuses_types_whose_elements_the_kernel_mistakes():
    assert "BOOL" in refusal(model_of("MATRIX_DIAG", [T(BOOL, (3,))], [T(BOOL)]), np.zeros(3, bool))


@needs_litert
def test_reshape_fills_in_what_is_left_over():
    x = every(RNG, F32, (2, 3, 4))
    for wanted in ([24], [-1], [6, -1], [2, 2, 2, 3], [1, 24, 1], [4, 6]):
        compare(reshape(F32, (2, 3, 4), wanted), x)
    compare(reshape(F32, (1,), []), every(RNG, F32, (1,)))


@needs_litert
def test_reshape_takes_its_shape_from_the_options_too():
    for wanted in ([4, 6], [-1, 12], [24]):
        model = model_of("RESHAPE", [T(I8, (2, 3, 4))], [T(I8)], ("ReshapeOptions", {"new_shape": wanted}))
        compare(model, every(RNG, I8, (2, 3, 4)))
    compare(model_of("RESHAPE", [T(F32, (1, 1))], [T(F32)], ("ReshapeOptions", {"new_shape": [0]})), every(RNG, F32, (1, 1)))


@needs_litert
def test_reshape_refuses_impossible_shapes():
    x = np.zeros((2, 3, 4), np.float32)
    assert "cannot take the shape" in both_refuse(reshape(F32, (2, 3, 4), [5, 5]), x)
    assert "more than one -1" in both_refuse(reshape(F32, (2, 3, 4), [-1, -1]), x)
    assert "cannot take the shape" in both_refuse(reshape(F32, (2, 3, 4), [-1, 5]), x)
    assert "negative" in both_refuse(reshape(F32, (2, 3, 4), [-2, -12]), x)
    assert "undefined" in both_refuse(reshape(F32, (2, 3, 4), [-1, 0]), x)


@needs_litert
def test_shapes_may_be_computed():
    x = every(RNG, F32, (2, 3, 4))
    numbers = T(I32, (3,))
    compare(
        model_of("RESHAPE", [T(F32, (2, 3, 4)), T(I32, (2,))], [T(F32)], ("ReshapeOptions", {})), x, np.array([4, -1], np.int32)
    )
    begin, size = np.array([0, 1, 2], np.int32), np.array([-1, 2, 1], np.int32)
    compare(model_of("SLICE", [T(F32, (2, 3, 4)), numbers, numbers], [T(F32)]), x, begin, size)
    compare(model_of("TILE", [T(F32, (2, 3, 4)), numbers], [T(F32)]), x, np.array([1, 0 + 2, 1], np.int32))
    compare(model_of("BROADCAST_TO", [T(F32, (2, 1, 4)), numbers], [T(F32)]), x[:, :1], np.array([2, 5, 4], np.int32))
    compare(model_of("FILL", [numbers, T(F32)], [T(F32)]), np.array([1, 2, 3], np.int32), np.float32(7))


@needs_litert
def test_squeeze_drops_every_dimension_of_one_or_the_named_ones():
    for shape, dims in (((1, 3, 1, 2), []), ((1, 3, 1, 2), [0]), ((1, 3, 1, 2), [-2, 0]), ((1, 1), []), ((2,), [])):
        compare(
            model_of("SQUEEZE", [T(F32, shape)], [T(F32)], ("SqueezeOptions", {"squeeze_dims": dims})), every(RNG, F32, shape)
        )
    refused = model_of("SQUEEZE", [T(F32, (1, 3))], [T(F32)], ("SqueezeOptions", {"squeeze_dims": [1]}))
    assert "only a dimension of 1" in both_refuse(refused, np.zeros((1, 3), np.float32))


@needs_litert
def test_expand_dims_counts_a_negative_axis_from_behind_the_last():
    for axis in range(-4, 4):
        for dtype in (np.int32, np.int64):
            compare(model_of("EXPAND_DIMS", [T(I16, (2, 3, 4)), const(axis, dtype)], [T(I16)]), every(RNG, I16, (2, 3, 4)))
    for axis in (-5, 4):
        model = model_of("EXPAND_DIMS", [T(F32, (2, 3, 4)), const(axis)], [T(F32)])
        assert "out of range" in both_refuse(model, np.zeros((2, 3, 4), np.float32))


@needs_litert
def test_shape_and_rank_are_constants():
    for shape in ((), (3,), (2, 0, 4), (1, 2, 3, 4, 5)):
        for out in (I32, I64):
            if shape:
                compare(
                    model_of("SHAPE", [T(F32, shape)], [T(out)], ("ShapeOptions", {"out_type": out})), np.zeros(shape, np.float32)
                )
        compare(model_of("RANK", [T(F32, shape)], [T(I32)]), np.zeros(shape, np.float32))


@needs_litert
def test_transpose_every_permutation():
    import itertools

    for rank in range(1, 5):
        shape = (2, 3, 4, 5)[:rank]
        for order in itertools.permutations(range(rank)):
            compare(model_of("TRANSPOSE", [T(I8, shape), const(order)], [T(I8)]), every(RNG, I8, shape))
    for order in ((4, 3, 2, 1, 0), (1, 0, 3, 5, 4, 2), (-1, 0, -2), (1, 0, 3, 5, 7, 6, 4, 2)):
        shape = (2, 1, 3, 2, 2, 3, 1, 2)[: len(order)]
        compare(model_of("TRANSPOSE", [T(F32, shape), const(order)], [T(F32)]), every(RNG, F32, shape))


@needs_litert
def test_transpose_refuses_what_is_no_permutation():
    x = np.zeros((2, 3), np.float32)
    assert "does not name each" in both_refuse(model_of("TRANSPOSE", [T(F32, (2, 3)), const([0, 1, 1])], [T(F32)]), x)
    assert "out of range" in both_refuse(model_of("TRANSPOSE", [T(F32, (2, 3)), const([0, 2])], [T(F32)]), x)
    assert "does not name each" in refusal(model_of("TRANSPOSE", [T(F32, (2, 3)), const([1, 1])], [T(F32)]), x)


@needs_litert
@pytest.mark.parametrize("type", [F32, I8, U8, I16, I32, I64, BOOL, F16])
def test_pad_fills_with_the_zero_point_of_the_output(type):
    quantized = type in (I8, U8, I16)
    scale, zero_point = (0.1, 0 if type == I16 else 7) if quantized else (None, 0)
    for shape in ((3,), (2, 3), (2, 1, 3), (1, 2, 3, 2), (2, 1, 2, 1, 3)):
        pairs = RNG.integers(0, 3, (len(shape), 2))
        for dtype in (np.int32, np.int64):
            x = T(type, shape, scale, zero_point)
            compare(model_of("PAD", [x, const(pairs, dtype)], [x]), every(RNG, type, shape))
            value = const(every(RNG, type, ()), type.dtype, scale, zero_point)
            compare(model_of("PADV2", [x, const(pairs, dtype), value], [x]), every(RNG, type, shape))


@needs_litert
def test_pad_refuses_wrong_paddings():
    x = np.zeros((2, 3), np.float32)
    assert "expected [2, 2]" in both_refuse(model_of("PAD", [T(F32, (2, 3)), const([[1, 1]])], [T(F32)]), x)
    assert "may be negative" in both_refuse(model_of("PAD", [T(F32, (2, 3)), const([[1, 1], [-1, 0]])], [T(F32)]), x)
    six = (1, 1, 1, 1, 1, 2)
    assert "at most 5" in both_refuse(
        model_of("PAD", [T(F32, six), const(np.zeros((6, 2)))], [T(F32)]), np.zeros(six, np.float32)
    )


def test_pad_of_a_huge_border_is_refused():
    model = model_of("PAD", [T(F32, (2,)), const([[2**31 - 1, 0]])], [T(F32)])
    assert "Limits.max_tensor_bytes" in refusal(model, np.zeros(2, np.float32))


@needs_litert
@pytest.mark.parametrize("mode", [0, 1])
def test_mirror_pad(mode):
    for shape in ((4,), (3, 4), (2, 3, 4), (2, 3, 1, 4)):
        limits = np.array(shape) - (1 - mode)
        pairs = RNG.integers(0, limits[:, None] + 1, (len(shape), 2))
        for dtype in (np.int32, np.int64):
            model = model_of("MIRROR_PAD", [T(I8, shape), const(pairs, dtype)], [T(I8)], ("MirrorPadOptions", {"mode": mode}))
            compare(model, every(RNG, I8, shape))
    model = model_of("MIRROR_PAD", [T(F32, (3,)), const([[3 + mode, 0]])], [T(F32)], ("MirrorPadOptions", {"mode": mode}))
    assert "can be mirrored by at most" in both_refuse(model, np.zeros(3, np.float32))


def concatenation(operands, y, axis, **options):
    return model_of("CONCATENATION", operands, [y], ("ConcatenationOptions", {"axis": axis, **options}), version=2)


@needs_litert
@pytest.mark.parametrize("type", [F32, I8, U8, I16, I32, I64, U32, BOOL, F16])
def test_concatenation_along_every_axis(type):
    scale = 0.1 if type in (I8, U8, I16) else None
    for axis in range(-3, 3):
        shapes = [[2, 3, 4] for _ in range(3)]
        for k, shape in enumerate(shapes):
            shape[axis] = k + 1
        model = concatenation([T(type, s, scale) for s in shapes], T(type, (), scale), axis)
        compare(model, *(every(RNG, type, s) for s in shapes))


@needs_litert
def test_concatenation_rescales_uint8():
    for _ in range(20):
        scales = RNG.choice([0.02, 0.03, 0.04, 0.5, 2.0**-5, 0.0123], 4)
        zero_points = RNG.choice([0, 255, 128, 3, 77], 4)
        operands = [T(U8, (3, 40), float(s), int(z)) for s, z in zip(scales, zero_points)]
        compare(concatenation(operands[:3], operands[3], 0), *(every(RNG, U8, (3, 40)) for _ in range(3)))


@needs_litert
def test_concatenation_refuses_int8_of_other_parameters_and_shapes_that_do_not_fit():
    x = np.zeros((2, 3), np.int8)
    assert "must be equal" in both_refuse(concatenation([T(I8, (2, 3), 0.1), T(I8, (2, 3), 0.2)], T(I8, (), 0.1), 0), x, x)
    other = np.zeros((2, 4), np.float32)
    assert "does not fit" in both_refuse(concatenation([T(F32, (2, 3)), T(F32, (2, 4))], T(F32), 0), other[:, :3], other)
    same = [T(F32, (2, 4)), T(F32, (2, 4))]
    assert "out of range" in both_refuse(concatenation(same, T(F32), 2), other, other)
    assert "expected NONE" in both_refuse(concatenation(same, T(F32), 0, fused_activation_function=1), other, other)


@needs_litert
@pytest.mark.parametrize("type", [F32, I8, U8, I16, I32, I64])
def test_split_into_equal_and_into_given_pieces(type):
    x = every(RNG, type, (4, 6, 2))
    for axis, count in ((0, 2), (1, 3), (-1, 2), (0, 1)):
        compare(model_of("SPLIT", [const(axis), T(type, x.shape)], [T(type)] * count, ("SplitOptions", {"num_splits": count})), x)
    for axis, sizes in ((1, [1, 2, 3]), (-2, [4, -1]), (0, [4]), (1, [6, -1]), (1, [3, 0, 3])):
        for dtype in (np.int32, np.int64):
            options = ("SplitVOptions", {"num_splits": len(sizes)})
            compare(model_of("SPLIT_V", [T(type, x.shape), const(sizes, dtype), const(axis)], [T(type)] * len(sizes), options), x)


@needs_litert
def test_split_refuses_what_does_not_add_up():
    x = np.zeros((4, 6), np.float32)
    split = model_of("SPLIT", [const(0), T(F32, (4, 6))], [T(F32)] * 3, ("SplitOptions", {"num_splits": 3}))
    assert "equal pieces" in both_refuse(split, x)
    for sizes, message in (([1, 2], "add up"), ([-1, -1], "only one"), ([5, -1], "add up"), ([1, 1, 2], "there are 2 outputs")):
        model = model_of("SPLIT_V", [T(F32, (4, 6)), const(sizes), const(0)], [T(F32)] * 2, ("SplitVOptions", {"num_splits": 2}))
        assert message in both_refuse(model, x)


@needs_litert
@pytest.mark.parametrize("type", [F32, I8, U8, I16, I32])
def test_pack_and_unpack_are_inverse(type):
    scale = 0.1 if type in (I8, U8, I16) else None
    x = [every(RNG, type, (2, 3)) for _ in range(4)]
    for axis in range(-3, 3):
        options = {"axis": axis, "values_count": 4}
        pack = model_of("PACK", [T(type, (2, 3), scale)] * 4, [T(type, (), scale)], ("PackOptions", options))
        compare(pack, *x)
        (y,) = evaluate(pack, *x)
        options = {"axis": axis, "num": 4}
        compare(model_of("UNPACK", [T(type, y.shape, scale)], [T(type, (), scale)] * 4, ("UnpackOptions", options)), y)


@needs_litert
def test_pack_and_unpack_refuse_wrong_counts():
    x = np.zeros((2, 3), np.float32)
    two = [T(F32, (2, 3))] * 2
    assert "values_count" in both_refuse(model_of("PACK", two, [T(F32)], ("PackOptions", {"axis": 0, "values_count": 3})), x, x)
    assert "out of range" in both_refuse(model_of("PACK", two, [T(F32)], ("PackOptions", {"axis": 3, "values_count": 2})), x, x)
    unpack = model_of("UNPACK", two[:1], [T(F32)] * 3, ("UnpackOptions", {"axis": 0, "num": 3}))
    assert "num is 3" in both_refuse(unpack, x)


@needs_litert
def test_slice_refuses_boxes_outside():
    x = np.zeros((2, 3), np.float32)
    for begin, size in (([0, 2], [2, 2]), ([0, 0], [-2, 1]), ([3, 0], [-1, 1]), ([0], [1])):
        model = model_of("SLICE", [T(F32, (2, 3)), const(begin), const(size)], [T(F32)])
        both_refuse(model, x)


def strided_slice(shape, begin, end, strides, **masks):
    operands = [T(I32, shape), const(begin), const(end), const(strides)]
    return model_of("STRIDED_SLICE", operands, [T(I32)], ("StridedSliceOptions", masks))


@needs_litert
def test_strided_slice_with_all_masks():
    rng = np.random.default_rng(5)
    compared = refused = 0
    for _ in range(300):
        rank = int(rng.integers(1, 5))
        shape = tuple(int(n) for n in rng.integers(1, 6, rank))
        count = int(rng.integers(1, rank + 1))
        begin, end = rng.integers(-7, 8, count), rng.integers(-7, 8, count)
        strides = rng.choice([-3, -2, -1, 1, 1, 1, 2, 3], count)
        masks = {name: int(rng.integers(0, 2**count)) for name in ("begin_mask", "end_mask")}
        if rng.integers(0, 2):
            masks["shrink_axis_mask"] = int(rng.integers(0, 2**count))
            strides[[bool(masks["shrink_axis_mask"] >> i & 1) for i in range(count)]] = 1
        if rng.integers(0, 3) == 0:
            masks["ellipsis_mask"] = 1 << int(rng.integers(0, count))
        if rng.integers(0, 3) == 0 and rank < 4:
            masks["new_axis_mask"] = int(rng.integers(0, 2**count))
        x = np.arange(np.prod(shape), dtype=np.int32).reshape(shape)
        model = strided_slice(shape, begin, end, strides, **masks)
        try:
            y = evaluate(model, x)[0]
        except Exception as error:
            assert type(error).__name__ == "SpecViolation", error  # noqa: PT017
            refused += 1
            continue
        if y.size:
            compare(model, x)
            compared += 1
    assert compared > 60
    assert refused < 150


@needs_litert
def test_strided_slice_with_offset_counts_the_end_from_begin():
    x = np.arange(60, dtype=np.int32).reshape(3, 4, 5)
    compare(strided_slice(x.shape, [1, -3, 0], [2, 3, 5], [1, 2, 1], offset=True), x)
    compare(strided_slice(x.shape, [1, -3, 0], [1, 2, 4], [1, 1, 3], offset=True, shrink_axis_mask=1), x)


def test_strided_slice_refuses_an_offset_that_leaves_the_tensor():
    x = np.zeros((3, 4), np.int32)
    assert "leave axis 1" in refusal(strided_slice((3, 4), [0, 1], [1, 4], [1, 1], offset=True), x)
    assert "only shrink_axis_mask" in refusal(strided_slice((3, 4), [0, 1], [1, 1], [1, 1], offset=True, begin_mask=1), x)


@needs_litert
def test_many_dimensions():
    for rank in (6, 7, 8):
        shape = (2, *[1] * (rank - 2), 3)
        x = every(RNG, F32, shape)
        compare(model_of("SLICE", [T(F32, shape), const([0] * rank), const([1] * (rank - 1) + [-1])], [T(F32)]), x)
        compare(model_of("TRANSPOSE", [T(F32, shape), const(range(rank)[::-1])], [T(F32)]), x)
        compare(model_of("BROADCAST_TO", [T(F32, shape), const((2,) * (rank - 1) + (3,))], [T(F32)]), x)
    nine = np.zeros((1,) * 9, np.float32)
    for name, inputs, options in (
        ("TRANSPOSE", [const(range(9))], None),
        ("REVERSE_V2", [const([0])], None),
        ("SQUEEZE", [], ("SqueezeOptions", {})),
        ("DYNAMIC_UPDATE_SLICE", [const(nine, np.float32), const([0] * 9)], None),
    ):
        assert "at most 8" in both_refuse(model_of(name, [T(F32, nine.shape), *inputs], [T(F32)], options), nine)


@needs_litert
def test_strided_slice_with_an_end_of_zero_is_empty():
    assert evaluate(strided_slice((4,), [1], [0], [1]), np.arange(4, dtype=np.int32))[0].shape == (0,)
    compare(strided_slice((4,), [-1], [0], [-1]), np.arange(4, dtype=np.int32))


@needs_litert
def test_strided_slice_refuses_a_stride_of_zero():
    x = np.zeros(4, np.int32)
    assert "stride of axis 0 is 0" in both_refuse(strided_slice((4,), [0], [4], [0]), x)


def test_strided_slice_refuses_an_index_out_of_range():
    assert "does not name one" in refusal(strided_slice((4,), [4], [5], [1], shrink_axis_mask=1), np.zeros(4, np.int32))


@needs_litert
@pytest.mark.parametrize("type", [F32, I8, U8, I32, I64])
def test_space_to_depth_and_back(type):
    for block in (1, 2, 3):
        shape = (2, 2 * block, 3 * block, 2)
        x = every(RNG, type, shape)
        down = model_of("SPACE_TO_DEPTH", [T(type, shape)], [T(type)], ("SpaceToDepthOptions", {"block_size": block}))
        compare(down, x)
        (y,) = evaluate(down, x)
        up = model_of("DEPTH_TO_SPACE", [T(type, y.shape)], [T(type)], ("DepthToSpaceOptions", {"block_size": block}))
        compare(up, y)
        np.testing.assert_array_equal(evaluate(up, y)[0], x)


@needs_litert
def test_space_to_depth_refuses_blocks_that_do_not_divide():
    x = np.zeros((1, 4, 4, 3), np.float32)
    for block in (0, 3, -1):
        both_refuse(model_of("SPACE_TO_DEPTH", [T(F32, x.shape)], [T(F32)], ("SpaceToDepthOptions", {"block_size": block})), x)
        both_refuse(
            model_of("DEPTH_TO_SPACE", [T(F32, x.shape)], [T(F32)], ("DepthToSpaceOptions", {"block_size": block or 2})), x
        )


@needs_litert
def test_space_to_batch_pads_with_the_output_zero_point_and_back():
    for shape, block, paddings in (
        ((1, 4, 6, 2), [2, 3], [[0, 0], [0, 0]]),
        ((2, 3, 5, 1), [2, 2], [[1, 0], [2, 1]]),
        ((2, 5, 3), [3], [[0, 1]]),
        ((1, 2, 2, 3), [1, 1], [[0, 0], [0, 0]]),
    ):
        for type, scale, zero_point in ((F32, None, 0), (I8, 0.1, 7), (U8, 0.1, 255)):
            operand = T(type, shape, scale, zero_point)
            x = every(RNG, type, shape)
            there = model_of("SPACE_TO_BATCH_ND", [operand, const(block), const(paddings)], [operand])
            compare(there, x)
            (y,) = evaluate(there, x)
            back = model_of("BATCH_TO_SPACE_ND", [T(type, y.shape, scale, zero_point), const(block), const(paddings)], [operand])
            compare(back, y)
            np.testing.assert_array_equal(evaluate(back, y)[0], x)


@needs_litert
def test_space_to_batch_refuses_what_does_not_fit():
    x = np.zeros((1, 3, 4, 1), np.float32)
    four = T(F32, x.shape)
    zeros = const([[0, 0], [0, 0]])
    assert "multiples" in both_refuse(model_of("SPACE_TO_BATCH_ND", [four, const([2, 2]), zeros], [T(F32)]), x)
    assert "multiple" in both_refuse(model_of("BATCH_TO_SPACE_ND", [four, const([2, 2]), zeros], [T(F32)]), x)
    assert "positive" in both_refuse(model_of("SPACE_TO_BATCH_ND", [four, const([2]), zeros], [T(F32)]), x)
    assert "positive" in refusal(model_of("SPACE_TO_BATCH_ND", [four, const([0, 2]), zeros], [T(F32)]), x)


@needs_litert
def test_dynamic_update_slice_clamps_its_place():
    x, update = every(RNG, I8, (4, 5)), every(RNG, I8, (2, 3))
    for start in ([0, 0], [2, 2], [9, -4], [1, 3]):
        for dtype in (np.int32, np.int64):
            operands = [T(I8, (4, 5)), T(I8, (2, 3)), T(I64 if dtype == np.int64 else I32, (2,))]
            compare(model_of("DYNAMIC_UPDATE_SLICE", operands, [T(I8)]), x, update, np.array(start, dtype))
    big = model_of("DYNAMIC_UPDATE_SLICE", [T(I8, (2, 3)), T(I8, (4, 5)), const([0, 0])], [T(I8)])
    assert "does not fit" in both_refuse(big, update, x)


@needs_litert
def test_reverse_and_reverse_sequence():
    for type in (F32, I8, U8, I16, I32, I64, BOOL, F16):
        for axes in ([0], [1, 2], [-1], [0, 1, 2]):
            compare(model_of("REVERSE_V2", [T(type, (2, 3, 4)), const(axes)], [T(type)]), every(RNG, type, (2, 3, 4)))
    for type in (F32, U8, I16, I32, I64):
        for seq_dim, batch_dim in ((1, 0), (0, 2), (2, 1)):
            x = every(RNG, type, (3, 4, 5))
            lengths = RNG.integers(1, x.shape[seq_dim] + 1, x.shape[batch_dim])
            options = ("ReverseSequenceOptions", {"seq_dim": seq_dim, "batch_dim": batch_dim})
            for dtype in (np.int32, np.int64):
                compare(model_of("REVERSE_SEQUENCE", [T(type, x.shape), const(lengths, dtype)], [T(type)], options), x)


def test_reverse_sequence_refuses_lengths_out_of_range():
    options = ("ReverseSequenceOptions", {"seq_dim": 1, "batch_dim": 0})
    model = model_of("REVERSE_SEQUENCE", [T(F32, (2, 3)), T(I32, (2,))], [T(F32)], options)
    assert "from 0 to 3" in refusal(model, np.zeros((2, 3), np.float32), np.array([1, 4], np.int32))


@needs_litert
def test_reverse_refuses_an_axis_twice():
    model = model_of("REVERSE_V2", [T(F32, (2, 3)), const([1, -1])], [T(F32)])
    assert "once" in refusal(model, np.zeros((2, 3), np.float32))
