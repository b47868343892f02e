"""MEAN, SUM, REDUCE_MAX, REDUCE_MIN, REDUCE_PROD, REDUCE_ANY, REDUCE_ALL, ARG_MAX, ARG_MIN, CUMSUM."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from one_operator import T, both_refuse, compare, const, evaluate, every, model_of, refusal
from oracle import needs_litert

from qref.ops import find_prepare
from qref.ops.mean import divide_multiplier
from qref.schema import TensorType

F32, I8, U8, I16, I32, I64, BOOL = (
    TensorType.FLOAT32,
    TensorType.INT8,
    TensorType.UINT8,
    TensorType.INT16,
    TensorType.INT32,
    TensorType.INT64,
    TensorType.BOOL,
)
REDUCTIONS = ("MEAN", "SUM", "REDUCE_MAX", "REDUCE_MIN", "REDUCE_PROD", "REDUCE_ANY", "REDUCE_ALL")
SCALES = (0.02, 0.03, 0.04, 2.0**-6, 2.0**-5, 0.0173)


def reduction(name, type, shape, axes, keep_dims=False, scales=(None, None), zero_points=(0, 0)):
    x = T(type, shape, scales[0], zero_points[0])
    y = T(type, (), scales[1], zero_points[1])
    return model_of(
        name,
        [x, const(axes)],
        [y],
        ("ReducerOptions", {"keep_dims": keep_dims}),
        version=1 if name in ("REDUCE_ANY", "REDUCE_ALL") else 2,
    )


def quantized_cases(seed):
    rng = np.random.default_rng(seed)
    for number in range(12):
        rank = int(rng.integers(1, 5))
        shape = tuple(int(n) for n in rng.integers(1, 8, rank))
        axes = rng.choice(rank, int(rng.integers(1, rank + 1)), replace=False) - rank * rng.integers(0, 2)
        yield rng, shape, axes, bool(number % 2)


@needs_litert
@pytest.mark.parametrize("type", [I8, U8, I16])
def test_mean_rescales_any_scales_and_zero_points(type):
    limits = np.iinfo(type.dtype)
    for rng, shape, axes, keep_dims in quantized_cases(1):
        zero_points = (0, 0) if type == I16 else tuple(int(z) for z in rng.choice([limits.min, limits.max, 0, 7], 2))
        scales = tuple(float(s) for s in rng.choice(SCALES, 2))
        model = reduction("MEAN", type, shape, axes, keep_dims, scales, zero_points)
        compare(model, every(rng, type, shape))


@needs_litert
@pytest.mark.parametrize("type", [I8, U8])
def test_sum_reads_int8_as_uint8_like_the_reference_kernel(type):
    limits = np.iinfo(type.dtype)
    for rng, shape, axes, keep_dims in quantized_cases(2):
        zero_points = tuple(int(z) for z in rng.choice([limits.min, limits.max, 0, 7], 2))
        scales = (float(rng.choice(SCALES)), float(rng.choice([0.5, 1.0, 3.0])))
        compare(reduction("SUM", type, shape, axes, keep_dims, scales, zero_points), every(rng, type, shape))


def test_sum_of_int8_adds_bytes():
    model = reduction("SUM", I8, (2,), [0], scales=(1.0, 1.0))
    (y,) = evaluate(model, np.array([-1, 3], np.int8))
    assert y == np.array(255, np.uint8).view(np.int8)


def test_sum_of_int16_is_refused():
    assert "INT16" in refusal(reduction("SUM", I16, (2,), [0], scales=(1.0, 1.0)), np.zeros(2, np.int16))


@needs_litert
@pytest.mark.parametrize("name", REDUCTIONS)
def test_reductions_take_plain_numbers(name):
    types = {"REDUCE_ANY": (BOOL,), "REDUCE_ALL": (BOOL,), "MEAN": (F32, I32, I64)}.get(name, (F32, I32, I64, BOOL))
    for type in types:
        for rng, shape, axes, keep_dims in quantized_cases(3):
            x = every(rng, type, shape) if type in (F32, BOOL) else rng.integers(-9, 9, shape).astype(type.dtype)
            compare(reduction(name, type, shape, axes, keep_dims), x)


@needs_litert
@pytest.mark.parametrize("name", ["REDUCE_MAX", "REDUCE_MIN"])
@pytest.mark.parametrize("type", [I8, U8, I16])
def test_extrema_compare_integers_as_they_are(name, type):
    for rng, shape, axes, keep_dims in quantized_cases(4):
        zero_point = 0 if type == I16 else 5
        compare(reduction(name, type, shape, axes, keep_dims, (0.1, 0.1), (zero_point, zero_point)), every(rng, type, shape))


@needs_litert
def test_extrema_of_other_parameters_are_refused():
    assert "must be equal" in both_refuse(reduction("REDUCE_MAX", I8, (2, 3), [1], False, (0.1, 0.2)), np.zeros((2, 3), np.int8))


@needs_litert
@pytest.mark.parametrize("type", [I8, I16])
def test_prod_rescales_after_every_factor(type):
    for rng, shape, axes, keep_dims in quantized_cases(5):
        zero_points = (0, 0) if type == I16 else tuple(int(z) for z in rng.integers(-128, 128, 2))
        scales = (float(rng.choice(SCALES)), float(rng.choice([0.5, 0.01, 3.0])))
        compare(reduction("REDUCE_PROD", type, shape, axes, keep_dims, scales, zero_points), every(rng, type, shape))


@needs_litert
@pytest.mark.parametrize("type", [I32, I64])
@pytest.mark.parametrize("name", ["SUM", "REDUCE_PROD", "MEAN"])
def test_integers_wrap(name, type):
    x = np.full((3, 5), np.iinfo(type.dtype).max - 1, type.dtype)
    compare(reduction(name, type, x.shape, [1]), x)


@needs_litert
@pytest.mark.parametrize("name", REDUCTIONS)
def test_axes_may_be_negative_repeated_or_none(name):
    type = BOOL if name in ("REDUCE_ANY", "REDUCE_ALL") else F32
    rng = np.random.default_rng(6)
    for axes in ([-1, 2], [0, 0, -3], [0, 1, 2], [2, 0]):
        compare(reduction(name, type, (2, 3, 4), axes, True), every(rng, type, (2, 3, 4)))
    empty = const(np.zeros(0, np.int32))
    model = model_of(name, [T(type, (2, 3)), empty], [T(type)], ("ReducerOptions", {}))
    compare(model, every(rng, type, (2, 3)))
    compare(reduction(name, type, (), [0]), every(rng, type, ()))


@needs_litert
@pytest.mark.parametrize("name", REDUCTIONS)
def test_reductions_of_nothing(name):
    type = BOOL if name in ("REDUCE_ANY", "REDUCE_ALL") else F32
    for axes in ([1], [0, 1]):
        model = reduction(name, type, (3, 1), axes)
        compare(model, np.zeros((3, 0), type.dtype))
    if type == F32:
        compare(reduction(name, I32, (3, 1), [1]), np.zeros((3, 0), np.int32))


@needs_litert
@pytest.mark.parametrize("name", REDUCTIONS)
def test_axes_may_be_computed(name):
    type = BOOL if name in ("REDUCE_ANY", "REDUCE_ALL") else F32
    model = model_of(name, [T(type, (2, 3, 4)), T(I32, (2,))], [T(type)], ("ReducerOptions", {}))
    compare(model, every(np.random.default_rng(0), type, (2, 3, 4)), np.array([0, -1], np.int32))


@needs_litert
@pytest.mark.parametrize("name", REDUCTIONS)
def test_an_axis_out_of_range_is_refused(name):
    type = BOOL if name in ("REDUCE_ANY", "REDUCE_ALL") else F32
    assert "axis 2 is out of range" in both_refuse(reduction(name, type, (2, 3), [2]), np.zeros((2, 3), type.dtype))


@needs_litert
@pytest.mark.parametrize("name", ["REDUCE_MAX", "REDUCE_MIN", "SUM", "MEAN", "REDUCE_PROD"])
def test_float_reductions_at_the_edges(name):
    x = np.array([[-np.inf, -np.inf], [np.inf, np.inf], [-0.0, 0.0], [0.0, -0.0], [-0.0, -0.0], [1e38, 3e38]], np.float32)
    compare(reduction(name, F32, x.shape, [1]), x)
    compare(reduction(name, F32, (2,), [0]), np.array([-0.0, -0.0], np.float32))
    compare(reduction(name, F32, (2,), [0]), np.array([-np.inf, -np.inf], np.float32))


@needs_litert
def test_float_sums_run_in_the_order_of_memory():
    rng = np.random.default_rng(7)
    for axes in ([1, 2], [3], [0, 3], [1]):
        compare(reduction("MEAN", F32, (2, 9, 8, 33), axes, True), every(rng, F32, (2, 9, 8, 33)))
        compare(reduction("SUM", F32, (2, 9, 8, 33), axes), every(rng, F32, (2, 9, 8, 33)))


@given(st.integers(0, 2**31 - 1), st.integers(-31, 31), st.integers(1, 2**33))
def test_mean_divides_the_multiplier_by_the_count(multiplier, shift, count):
    divided, new_shift = divide_multiplier(multiplier, shift, count)
    assert divided == multiplier * 2 ** (shift - new_shift) // count
    assert new_shift >= -31


@given(st.data())
def test_mean_explains_every_element(data):
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    shape = tuple(data.draw(st.lists(st.integers(1, 4), min_size=1, max_size=4)))
    axes = data.draw(st.lists(st.integers(0, len(shape) - 1), min_size=1, max_size=len(shape), unique=True))
    keep_dims = data.draw(st.booleans())
    zero_points = (data.draw(st.integers(-128, 127)), data.draw(st.integers(-128, 127)))
    scales = (data.draw(st.sampled_from(SCALES)), data.draw(st.sampled_from(SCALES)))
    model = reduction("MEAN", I8, shape, axes, keep_dims, scales, zero_points)
    x = every(rng, I8, shape)
    prepared = prepare_first(model)
    (y,) = evaluate(model, x)
    for element in np.ndindex(y.shape):
        assert prepared.explain(x, None, prepared.plan, element)[-1].value == y[element]


def prepare_first(model):
    import qref

    interpreter = qref.Interpreter(model_content=model)
    interpreter.allocate_tensors()
    return find_prepare(model.subgraphs[0].operators[0].name)(interpreter._executions[0].steps[0].node)


def arg(name, type, shape, axis, output_type=I64, axis_type=np.int32):
    options = ("ArgMaxOptions" if name == "ARG_MAX" else "ArgMinOptions", {"output_type": output_type})
    return model_of(name, [T(type, shape), const(axis, axis_type)], [T(output_type)], options)


@needs_litert
@pytest.mark.parametrize("name", ["ARG_MAX", "ARG_MIN"])
@pytest.mark.parametrize("type", [F32, I8, U8, I32, BOOL])
def test_arg_extrema_find_the_first_of_equal_elements(name, type):
    rng = np.random.default_rng(8)
    for shape, axis in (((5,), 0), ((3, 4), -1), ((2, 3, 4), 1), ((2, 3, 4, 5), 0), ((2, 3, 4, 5), 2)):
        x = rng.integers(0, 3, shape).astype(type.dtype)
        compare(arg(name, type, shape, axis, I32), x)
        compare(arg(name, type, shape, axis, I64, np.int64), every(rng, type, shape))


@needs_litert
def test_arg_extrema_refuse_an_axis_out_of_range_and_types_the_kernel_lacks():
    assert "out of range" in both_refuse(arg("ARG_MAX", F32, (2, 3), 2), np.zeros((2, 3), np.float32))
    assert "INT16" in both_refuse(arg("ARG_MAX", I16, (2, 3), 1), np.zeros((2, 3), np.int16))


@needs_litert
@pytest.mark.parametrize("type", [F32, I32, I64])
@pytest.mark.parametrize("exclusive", [False, True])
@pytest.mark.parametrize("reverse", [False, True])
def test_cumsum(type, exclusive, reverse):
    rng = np.random.default_rng(9)
    options = ("CumsumOptions", {"exclusive": exclusive, "reverse": reverse})
    for shape, axis in (((7,), 0), ((3, 5), -1), ((2, 3, 4), 1), ((2, 3, 4, 2), -4)):
        model = model_of("CUMSUM", [T(type, shape), const(axis)], [T(type)], options)
        x = every(rng, type, shape) if type == F32 else rng.integers(-(2**30), 2**30, shape).astype(type.dtype)
        compare(model, x)
    minus_zero = model_of("CUMSUM", [T(F32, (2,)), const(0)], [T(F32)], options)
    compare(minus_zero, np.array([-0.0, -0.0], np.float32))


@needs_litert
def test_cumsum_refuses_an_axis_out_of_range():
    model = model_of("CUMSUM", [T(F32, (2, 3)), const(2)], [T(F32)], ("CumsumOptions", {}))
    assert "out of range" in both_refuse(model, np.zeros((2, 3), np.float32))
