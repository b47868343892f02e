"""Tables: each entry against its definition, one number at a time; every 16-bit input."""

import ctypes
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qref.arithmetic import libm
from qref.arithmetic import lookup_table as lut

INT16 = np.arange(-(2**15), 2**15).astype(np.int16)
FUNCTIONS = {
    "LOGISTIC": lut.logistic,
    "TANH": libm.tanhf,
    "ELU": lut.elu,
    "GELU": lut.gelu,
    "GELU approximate": lut.gelu_approximate,
    "EXP": libm.expf,
    "LOG": lut.log_or(np.float32(-5)),
}
functions = pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)
scales = st.floats(2**-10, 0.5, width=32)


def round_half_away(x: float) -> int:
    return math.floor(abs(x) + 0.5) * (1 if x >= 0 else -1)


@functions
@pytest.mark.parametrize("dtype", ["int8", "uint8"])
@given(input_scale=scales, output_scale=scales, data=st.data())
def test_an_8_bit_table_holds_each_value_under_its_byte(function, dtype, input_scale, output_scale, data):
    limits = np.iinfo(dtype)
    input_zero_point, output_zero_point = (data.draw(st.integers(limits.min, limits.max)) for _ in range(2))
    table = lut.lookup_table_8bit(function, input_scale, input_zero_point, output_scale, output_zero_point, dtype)
    assert table.dtype == dtype
    inverse = np.float32(1) / np.float32(output_scale)
    for q in range(limits.min, limits.max + 1, 5):
        x = np.float32(input_scale) * np.float32(q - input_zero_point)
        with np.errstate(over="ignore"):
            steps = float(function(np.array([x]))[0] * inverse)
        want = min(max(round_half_away(min(steps, 2.0**31)) + output_zero_point, limits.min), limits.max)
        if dtype == "uint8" and steps + output_zero_point >= 2**31:  # cast to int32 before it is clamped
            want = 0
        assert table[q % 256] == want


@pytest.mark.parametrize("dtype", ["int8", "uint8"])
def test_an_8_bit_look_up_takes_every_input(dtype):
    limits = np.iinfo(dtype)
    table = lut.lookup_table_8bit(lambda x: x, 1.0, 3, 1.0, 3, dtype)
    q = np.arange(limits.min, limits.max + 1).astype(dtype).reshape(2, 128)
    np.testing.assert_array_equal(lut.look_up_8bit(table, q), q)


def test_an_8_bit_table_saturates_where_the_function_overflows():
    table = lut.lookup_table_8bit(libm.expf, 2.5, 0, 0.05, -50, "int8")
    assert table[127] == table[100] == 127


@functions
@given(input_scale=st.floats(2**-17, 2**-12, width=32), output_scale=st.floats(2**-14, 2**-8, width=32))
def test_a_16_bit_table_corrects_each_entry_by_half_of_the_middle_error(function, input_scale, output_scale):
    f32 = np.float32
    table = lut.lookup_table_16bit(function, input_scale, 0, output_scale, 0)
    assert (table.dtype, table.shape) == (np.int16, (513,))
    low, high = f32(input_scale) * f32(-32768), f32(input_scale) * f32(32767)
    step = (high - low) / f32(512)
    rescale = f32(65536) / (f32(output_scale) * f32(32767) - f32(output_scale) * f32(-32768))

    def at(x):
        return function(np.array([x], f32))[0] * rescale

    for index in range(0, 512, 37):
        x = low + f32(index) * step
        start = round_half_away(float(at(x)))
        interpolated = round_half_away(float((at(low + f32(index + 1) * step) + f32(start)) / f32(2)))
        middle = round_half_away(float(at(x + step / f32(2))))
        assert table[index] == min(max(start - round_half_away((interpolated - middle) / 2), -(2**15)), 2**15 - 1)
    assert table[512] == min(max(round_half_away(float(at(high))), -(2**15)), 2**15 - 1)


def test_a_16_bit_table_can_be_built_in_float64():
    table = lut.lookup_table_16bit(np.exp, 10 / 65535, 32767, 2 / 65535, 0, np.float64)
    np.testing.assert_allclose(table[:512] / 2**15, np.exp(-10 + np.arange(512) / 51.2), atol=2.0**-13)


def test_a_16_bit_table_holds_0_where_an_interpolation_is_not_a_number():
    table = lut.lookup_table_16bit(libm.expf, 0.05, 0, 3e-4, 0)
    assert table[300] == 0
    assert table[512] == 32767


def test_a_16_bit_look_up_interpolates_every_input():
    rng = np.random.default_rng(0)
    table = rng.integers(-(2**15), 2**15, 513).astype(np.int16)
    entries = table.tolist()

    def one(q):
        index, offset = 256 + (q >> 7), q & 127
        slope = ctypes.c_int16(entries[index + 1] - entries[index]).value
        return ctypes.c_int16(entries[index] + ((slope * offset + 64) >> 7)).value

    np.testing.assert_array_equal(lut.look_up_16bit(table, INT16), [one(q) for q in INT16.tolist()])


def test_rsqrt_of_nothing_positive_is_the_highest_value():
    x = np.float32([-1, 0, 0.25])
    np.testing.assert_array_equal(lut.rsqrt_or(np.float32(9))(x), np.float32([9, 9, 2]))


def test_the_sigmoid_table_is_near_the_sigmoid_and_saturates():
    table = lut.sigmoid_table()
    np.testing.assert_allclose(table, 65536 / (1 + np.exp(-np.arange(256) / 24)), atol=1.2)
    assert table[[0, 1, 2, 31, 100, 254, 255]].tolist() == [32768, 33451, 34133, 51409, 64536, 65534, 65535]
    assert (np.diff(table) >= 0).all()


@given(st.floats(2**-20, 0.125, width=32))
def test_the_sigmoid_scaling_is_three_times_4096_steps(scale):
    multiplier, left_shift = lut.sigmoid_scaling(scale, 0)
    if multiplier == 0:
        assert abs(math.log2(scale) + 12) < 1e-3
    else:
        exact = scale * 3 * 4096
        assert multiplier == int(exact * 2**left_shift)
        assert multiplier >= 16383 or left_shift == 31


def test_power_of_two_scales_need_no_multiplier():
    assert lut.sigmoid_scaling(2**-12, 0) == (0, 0)
    assert lut.sigmoid_scaling(2**-11, 1) == (0, 1)
    assert lut.sigmoid_scaling(2**-11, 0) == (24576, 12)
    assert lut.sigmoid_scaling(2**-13, 1) == (24576, 14)


def sigmoid_one(x: int, multiplier: int, left_shift: int, interval_bits: int, limit: int) -> tuple[int, int]:
    table = lut.sigmoid_table().tolist()
    if multiplier == 0:
        multiplier, left_shift = 3 << left_shift, 0
    half = 1 << left_shift - 1 if left_shift > 0 else 0
    position = ctypes.c_int32(x * multiplier + half).value >> left_shift
    interval, offset = divmod(abs(position), 1 << interval_bits)
    if interval >= 255:
        return position, limit
    return position, (table[interval] << interval_bits) + offset * (table[interval + 1] - table[interval])


@pytest.mark.parametrize("scale", [2**-12, 2**-11, 1e-3, 7e-4, 1e-6, 0.3])
def test_16_bit_logistic_and_tanh_follow_their_definition(scale):
    x = INT16[::7]
    constants = lut.sigmoid_scaling(scale, 0)
    want = []
    for q in x.tolist():
        position, y = sigmoid_one(q, *constants, 9, 0x7FFF << 10)
        want.append((y + (1 << 9) if position >= 0 else (1 << 25) - y + (1 << 9) - 1) >> 10)
    np.testing.assert_array_equal(lut.logistic_16bit(x, *constants), want)
    constants = lut.sigmoid_scaling(scale, 1)
    want = []
    for q in x.tolist():
        position, y = sigmoid_one(q, *constants, 8, 0xFFFF << 8)
        want.append((y - (1 << 23) + (1 << 7) if position >= 0 else -y + (1 << 23) + (1 << 7) - 1) >> 8)
    np.testing.assert_array_equal(lut.tanh_16bit(x, *constants), want)


@pytest.mark.parametrize("scale", [2**-12, 1e-3, 1e-5, 1e-4])
def test_16_bit_logistic_and_tanh_are_near_the_real_functions_for_every_input(scale):
    real = INT16 * scale
    logistic = lut.logistic_16bit(INT16, *lut.sigmoid_scaling(scale, 0))
    np.testing.assert_allclose(logistic / 2**15, 1 / (1 + np.exp(-real)), atol=2.0**-13)
    np.testing.assert_allclose(lut.tanh_16bit(INT16, *lut.sigmoid_scaling(scale, 1)) / 2**15, np.tanh(real), atol=2.0**-12)
