"""ADD, SUB, MUL, QUANTIZE and DEQUANTIZE: the compiled forms give what the NumPy forms give, on any shape, scale and value."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from qref.arithmetic.requantize import DoubleRounding, HalfUp
from qref.dispatch import elementwise as dispatch
from qref.ops import _sum, dequantize, mul, quantize
from qref.ops._elementwise import Scaling

TYPES = st.sampled_from([np.int8, np.uint8, np.int16]).map(np.dtype)


@st.composite
def scalings(draw):
    offset, left_shift = draw(st.integers(-(2**15), 2**15)), draw(st.sampled_from([0, 7, 8, 15, 20]))
    return Scaling(offset, left_shift, draw(st.integers(2**30, 2**31 - 1)), draw(st.integers(-31, 0)))


@st.composite
def pairs(draw, dtype):
    shapes = draw(hnp.mutually_broadcastable_shapes(num_shapes=2, min_dims=0, max_dims=4, min_side=0, max_side=4))
    return tuple(draw(hnp.arrays(dtype, shape)) for shape in shapes.input_shapes)


@st.composite
def limits(draw, dtype):
    info = np.iinfo(dtype)
    return tuple(sorted(draw(st.tuples(*[st.integers(int(info.min), int(info.max))] * 2))))


def assert_same(run, reference, plan, *inputs):
    got, want = run(*inputs), reference(*inputs, plan)
    assert (got.dtype, got.shape) == (want.dtype, want.shape)
    np.testing.assert_array_equal(got, want)
    assert not any(np.shares_memory(got, x) for x in inputs)


@given(st.data(), TYPES, scalings(), scalings(), scalings(), st.sampled_from([1, -1]), st.integers(-300, 300))
def test_add_and_sub_kernel_equals_its_reference(data, dtype, first, second, last, sign, offset):
    last = Scaling(0, 0, last.quantized_multiplier, last.shift)
    plan = _sum.SumPlan(first, second, sign, last, offset, *data.draw(limits(dtype)), dtype)
    x1, x2 = data.draw(pairs(dtype))
    sums = np.abs(plan.input1(x1)) + np.abs(plan.input2(x2))
    assume(not sums.size or sums.max() < 2**31)  # as every scaling of prepare guarantees
    assert_same(dispatch.bind_sum(plan, [None, None]), _sum.sum_quantized, plan, x1, x2)


@given(st.data(), TYPES, st.integers(-300, 300), st.integers(-300, 300), st.floats(1e-12, 1e12), st.integers(-300, 300))
def test_mul_kernel_equals_its_reference(data, dtype, offset1, offset2, scale, output_offset):
    rule = data.draw(st.sampled_from([DoubleRounding, HalfUp])).of(np.float64(scale))
    plan = mul.MulPlan(offset1, offset2, rule, output_offset, *data.draw(limits(dtype)), dtype)
    assert_same(dispatch.bind_mul(plan, [None, None]), mul.mul_quantized, plan, *data.draw(pairs(dtype)))


@st.composite
def channels(draw):
    shape = draw(hnp.array_shapes(min_dims=1, max_dims=4, min_side=0, max_side=5))
    axis = draw(st.integers(0, len(shape) - 1))
    count = shape[axis] if draw(st.booleans()) and shape[axis] > 0 else 1
    scale = draw(hnp.arrays(np.float32, count, elements=st.floats(2.0**-100, 2.0**100, width=32)))
    return shape, axis, scale, draw(hnp.arrays(np.int64, count, elements=st.integers(-40000, 40000)))


@given(st.data(), TYPES, channels())
def test_quantize_kernel_equals_its_reference(data, dtype, constants):
    shape, axis, scale, zero_point = constants
    x = data.draw(hnp.arrays(np.float32, shape, elements=st.floats(width=32) | st.floats(-400, 400, width=32)))
    plan = quantize.QuantizePlan(scale, zero_point, axis, *data.draw(limits(dtype)), dtype)
    assert_same(dispatch.bind_quantize(plan, [None]), quantize.quantize, plan, x)


def test_quantize_kernel_rounds_the_float_below_a_half_down():
    x = np.nextafter(np.float32([0.5, -0.5, 1.5, 2**22 + 0.5, 2**23]), np.float32(0))
    plan = quantize.QuantizePlan(np.float32([1]), np.int64([0]), 0, -(2**15), 2**15 - 1, np.dtype(np.int16))
    assert_same(dispatch.bind_quantize(plan, [None]), quantize.quantize, plan, x)


@given(st.data(), TYPES, channels())
def test_dequantize_kernel_equals_its_reference(data, dtype, constants):
    shape, axis, scale, zero_point = constants
    x = data.draw(hnp.arrays(dtype, shape))
    plan = dequantize.DequantizePlan(scale, zero_point, axis)
    assert_same(dispatch.bind_dequantize(plan, [None]), dequantize.dequantize, plan, x)


@pytest.mark.parametrize("source", [np.int8, np.uint8, np.int16, np.int32])
@given(st.data(), st.sampled_from([np.int8, np.uint8, np.int16, np.int32]).map(np.dtype), st.floats(1e-9, 4.0))
def test_requantize_kernel_equals_its_reference(source, data, target, scale):
    x = data.draw(hnp.arrays(source, hnp.array_shapes(min_dims=0, max_dims=3, min_side=0), elements=None))
    x = x // 4096 if x.dtype == np.int32 else x
    offset = data.draw(st.integers(-255, 255))
    plan = quantize.RequantizePlan(offset, DoubleRounding.of(np.float64(scale)), data.draw(st.integers(-128, 255)), target)
    assert_same(dispatch.bind_integer_quantize(plan, [None]), quantize.requantize, plan, x)
