"""Integer softmax: against rows computed one number at a time, and near the real function."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qref.arithmetic import softmax as sm
from qref.arithmetic.fixed_point import multiply_by_quantized_multiplier as rescale
from qref.arithmetic.gemmlowp import exp_on_negative_values, log_on_values_above_one, one_over_one_plus_x
from qref.arithmetic.lookup_table import look_up_16bit

scales = st.floats(2**-10, 0.5, width=32)
types = pytest.mark.parametrize(
    ("input_type", "output_type"), [("int8", "int8"), ("uint8", "uint8"), ("int8", "int16"), ("uint8", "int16")]
)


def rows_of(dtype: str):
    limits = np.iinfo(dtype)
    values = st.integers(limits.min, limits.max) | st.integers(limits.max - 20, limits.max)
    return st.lists(values, min_size=1, max_size=40).map(lambda row: np.array(row, dtype))


def divide(x: int, exponent: int) -> int:
    """x / 2^exponent, ties away from zero."""
    magnitude = (2 * abs(x) + 2**exponent) // 2 ** (exponent + 1)
    return magnitude if x >= 0 else -magnitude


def exponentials(row: np.ndarray, multiplier: int, left_shift: int, diff_min: int) -> list[int]:
    differences = [int(x) - int(row.max()) for x in row]
    return [int(exp_on_negative_values(rescale(d, multiplier, left_shift), 5)) if d >= diff_min else 0 for d in differences]


def softmax_of_row(row: np.ndarray, constants: tuple, dtype: str) -> list[int]:
    limits = np.iinfo(dtype)
    powers = exponentials(row, *constants)
    total = sum(divide(e, 12) for e in powers)
    headroom = 32 - total.bit_length()
    reciprocal = int(one_over_one_plus_x((total << headroom) - 2**31))
    products = [(reciprocal * e + 2**30) >> 31 for e in powers]
    return [min(divide(p, 12 - headroom + 31 - limits.bits) + limits.min, limits.max) for p in products]


@types
@given(scale=scales, beta=st.sampled_from((1.0, 0.75)), data=st.data())
def test_softmax_of_8_bits(input_type, output_type, scale, beta, data):
    row = data.draw(rows_of(input_type))
    constants = sm.softmax_scaling(beta, scale)
    y = sm.softmax_8bit(row[None], *constants, output_type)
    assert y.dtype == output_type
    assert y[0].tolist() == softmax_of_row(row, constants, output_type)


@types
@given(scale=scales, data=st.data())
def test_softmax_of_8_bits_is_near_the_real_one(input_type, output_type, scale, data):
    row = data.draw(rows_of(input_type))
    limits = np.iinfo(output_type)
    y = sm.softmax_8bit(row, *sm.softmax_scaling(1.0, scale), output_type).astype(float) - limits.min
    real = np.exp((row.astype(float) - row.max()) * scale)
    np.testing.assert_allclose(y, np.minimum(real / real.sum() * 2**limits.bits, 2**limits.bits - 1), atol=1.5)


def test_softmax_of_a_sum_of_512_is_zero_in_8_bits():
    constants = sm.softmax_scaling(1.0, 0.1)
    assert (sm.softmax_8bit(np.zeros((1, 511), np.int8), *constants, "int8") == -127).all()
    assert (sm.softmax_8bit(np.zeros((1, 512), np.int8), *constants, "int8") == -128).all()
    assert (sm.softmax_8bit(np.zeros((1, 512), np.int8), *constants, "int16") == -32768 + 128).all()


def test_softmax_works_on_the_last_axis_of_any_shape():
    x = np.random.default_rng(0).integers(-128, 128, (2, 3, 1, 7)).astype(np.int8)
    constants = sm.softmax_scaling(1.0, 0.05)
    y = sm.softmax_8bit(x, *constants, "int8")
    for index in np.ndindex(2, 3, 1):
        np.testing.assert_array_equal(y[index], sm.softmax_8bit(x[index], *constants, "int8"))


@given(scales)
def test_the_scaling_of_8_bits_ends_where_five_integer_bits_do(scale):
    multiplier, left_shift, diff_min = sm.softmax_scaling(1.0, scale)
    assert math.isclose(multiplier * 2.0 ** (left_shift - 31), scale * 2**26, rel_tol=2.0**-30)
    assert diff_min == -(31 * 2**26 // 2**left_shift)


def test_a_scale_of_32_or_more_saturates():
    assert sm.softmax_scaling(1.0, 32.0) == sm.softmax_scaling(1.0, 1e9) == (2**31 - 1, 31, 0)


def test_a_scale_that_would_shift_to_the_right_is_refused():
    with pytest.raises(ValueError, match="beta"):
        sm.softmax_scaling(1.0, 2.0**-28)


@pytest.mark.parametrize("dtype", ["int8", "uint8"])
@given(scale=scales, data=st.data())
def test_log_softmax_of_8_bits(dtype, scale, data):
    row = data.draw(rows_of(dtype))
    limits = np.iinfo(dtype)
    multiplier, left_shift, diff_min, reverse_multiplier, reverse_shift = constants = sm.log_softmax_scaling(scale)
    log_of_sum = int(log_on_values_above_one(sum(divide(e, 12) for e in exponentials(row, *constants[:3]))))
    least = max(diff_min - 1, int(rescale(log_of_sum - 2**31, reverse_multiplier, reverse_shift)))
    want = []
    for x in row:
        d = int(x) - int(row.max())
        y = divide(int(rescale(d, multiplier, left_shift)) - log_of_sum, 22) + limits.max if d > least else limits.min
        want.append(min(max(y, limits.min), limits.max))
    y = sm.log_softmax_8bit(row[None], *constants)
    assert y.dtype == dtype
    assert y[0].tolist() == want


@given(scale=scales, row=rows_of("int8"))
def test_log_softmax_of_8_bits_is_near_the_real_one(scale, row):
    y = sm.log_softmax_8bit(row, *sm.log_softmax_scaling(scale)).astype(float)
    real = (row.astype(float) - row.max()) * scale
    real -= np.log(np.exp(real).sum())
    np.testing.assert_allclose(y, np.maximum(real * 16 + 127, -128), atol=1.01)


@given(scale=st.floats(2**-16, 2**-8, width=32), beta=st.sampled_from((1.0, 0.75)), row=rows_of("int16"))
def test_softmax_of_16_bits(scale, beta, row):
    constants = sm.softmax_scaling_16bit(beta, scale)
    positions = [max(int(rescale(int(x) - int(row.max()), *constants)) + 32767, -32768) for x in row]
    powers = [int(look_up_16bit(sm.exp_table(), position)) for position in positions]
    total = sum(powers)
    headroom = 32 - total.bit_length()
    normalized = ((total << headroom - 1) + 2**13) >> 14
    reciprocal = int(look_up_16bit(sm.one_over_one_plus_x_table(), min(normalized - 3 * 2**15, 32767)))
    right = 31 - headroom
    want = [min(max((e * reciprocal + 2 ** (right - 1)) >> right, 0), 32767) for e in powers]
    y = sm.softmax_16bit(row[None], *constants)
    assert y.dtype == np.int16
    assert y[0].tolist() == want


@given(scale=st.floats(2**-16, 2**-8, width=32), row=rows_of("int16"))
def test_softmax_of_16_bits_is_near_the_real_one(scale, row):
    y = sm.softmax_16bit(row, *sm.softmax_scaling_16bit(1.0, scale)) / 2**15
    real = np.exp((row.astype(float) - row.max()) * scale)
    np.testing.assert_allclose(y, real / real.sum(), atol=2.0**-8)


def test_the_tables_are_near_their_functions():
    np.testing.assert_allclose(sm.exp_table() / 2**15, np.exp(np.linspace(-10, 0, 513)), atol=2.0**-12)
    np.testing.assert_allclose(sm.one_over_one_plus_x_table() / 2**15, 1 / (1 + np.linspace(0, 1, 513)), atol=2.0**-12)
