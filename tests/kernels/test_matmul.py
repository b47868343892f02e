"""The matmul core, the convolutions on top of it and the rounding kernels against the NumPy forms."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qref.arithmetic import fixed_point, requantize
from qref.dispatch.convolution import block_of, geometry
from qref.dispatch.requantize import bind_requantize
from qref.kernels import conv_2d, depthwise_conv_2d, matmul, transpose_conv
from qref.kernels import fixed_point as jitted
from qref.ops._convolution import (
    depthwise_convolution,
    integer_convolution,
    integer_transposed_convolution,
    sequential_convolution,
    sequential_transposed_convolution,
    window,
)
from qref.ops._matmul import finish_float32, integer_matmul, sequential_matmul
from qref.schema import Padding

INT32 = st.integers(-(2**31), 2**31 - 1) | st.sampled_from([-(2**31), 2**31 - 1, 0, 1, -1])
SIZES = st.integers(1, 5)
SEEDS = st.integers(0, 2**32 - 1)
NO_LIMITS = np.float32(-np.inf), np.float32(np.inf)


def int16(rng, *shape, low=-(2**15), high=2**15 - 1):
    return rng.integers(low, high, shape, endpoint=True).astype(np.int16)


def float32(rng, *shape):
    return rng.normal(size=shape).astype(np.float32)


def assert_bits(got, want):
    assert got.dtype == want.dtype
    np.testing.assert_array_equal(got.reshape(want.shape), want)


@given(a=INT32, b=INT32, exponent=st.integers(0, 31))
def test_fixed_point_functions_are_their_numpy_twins(a, b, exponent):
    a, b = np.int64(a), np.int64(b)
    assert jitted.saturating_rounding_doubling_high_mul(a, b) == fixed_point.saturating_rounding_doubling_high_mul(a, b)
    assert jitted.rounding_divide_by_pot(a, exponent) == fixed_point.rounding_divide_by_pot(a, exponent)
    assert jitted.wrap_int32(a * 3 + b) == fixed_point.wrap_int32(a * 3 + b)


@given(acc=INT32, multiplier=st.integers(2**30, 2**31 - 1) | st.just(0), shift=st.integers(-31, 40))
def test_multiply_by_quantized_multiplier_is_its_numpy_twin(acc, multiplier, shift):
    acc, multiplier, shift = np.int64(acc), np.int64(multiplier), np.int64(shift)
    assert jitted.multiply_by_quantized_multiplier(acc, multiplier, shift) == fixed_point.multiply_by_quantized_multiplier(
        acc, multiplier, shift
    )


@given(acc=st.integers(-(2**47), 2**47), multiplier=st.integers(2**30, 2**31 - 1) | st.just(0), shift=st.integers(-31, 40))
def test_multiply_by_quantized_multiplier_64_is_its_numpy_twin(acc, multiplier, shift):
    acc, multiplier, shift = np.int64(acc), np.int64(multiplier), np.int64(shift)
    with np.errstate(all="ignore"):
        want = fixed_point.multiply_by_quantized_multiplier_64(acc, multiplier, shift)
        assert jitted.multiply_by_quantized_multiplier_64(acc, multiplier, shift) == want


RULES = [
    requantize.DoubleRounding,
    requantize.SingleRounding64,
    requantize.Float64HalfAway,
    requantize.HalfUp,
    requantize.Float32HalfEven,
]


@given(rule=st.sampled_from(RULES), wide=st.booleans(), dtype=st.sampled_from([np.int8, np.uint8, np.int16]), seed=SEEDS)
def test_requantize_kernels_round_as_their_rules(rule, wide, dtype, seed):
    rng = np.random.default_rng(seed)
    channels = int(rng.integers(1, 6))
    wide = wide and rule in (requantize.SingleRounding64, requantize.Float64HalfAway)
    bits = int(rng.integers(1, 40 if wide else 31))
    acc = rng.integers(-(2**bits), 2**bits, (4, channels)).astype(np.int64 if wide else np.int32)
    scale = 2.0 ** rng.uniform(-32, 10, channels if rng.random() < 0.5 else 1)
    scale = 2.0 ** np.round(np.log2(scale)) if rng.random() < 0.3 else scale
    bound, limits, offset = rule.of(scale), np.iinfo(dtype), int(rng.integers(-128, 128))
    got = bind_requantize(bound, offset, limits.min, limits.max)(acc, np.dtype(dtype))
    want = np.clip(fixed_point.wrap_int32(bound(acc.astype(np.int64)) + offset), limits.min, limits.max)
    assert_bits(got, want.astype(dtype))


@pytest.mark.parametrize("scale", [1e-30, 1e20, 1e300])
def test_float64_half_away_takes_what_is_no_int32_as_x86_does(scale):
    bound = requantize.Float64HalfAway.of(np.array([scale]))
    acc = np.int32([[-5, 0, 1, 2**31 - 1, -(2**31)]])
    with np.errstate(all="ignore"):
        want = np.clip(fixed_point.wrap_int32(bound(acc) - 1), -128, 127).astype(np.int8)
    assert_bits(bind_requantize(bound, -1, -128, 127)(acc, np.dtype(np.int8)), want)


@given(rows=st.integers(0, 4), units=SIZES, depth=st.integers(0, 40), seed=SEEDS)
def test_accumulate_wraps_at_32_bits(rows, units, depth, seed):
    rng = np.random.default_rng(seed)
    x, w = int16(rng, rows, depth), int16(rng, units, depth)
    start = rng.integers(-(2**31), 2**31, units).astype(np.int32)
    acc = np.empty((rows, units), np.int32)
    with np.errstate(all="ignore"):
        matmul.accumulate(x, matmul.pack(w), start, acc)
    assert_bits(acc, fixed_point.wrap_int32(integer_matmul(x, w) + start).astype(np.int32))


@given(rows=SIZES, units=SIZES, depth=st.integers(0, 1200), narrow=st.booleans(), seed=SEEDS)
def test_accumulate_64_is_exact(rows, units, depth, narrow, seed):
    rng = np.random.default_rng(seed)
    x, w = int16(rng, rows, depth), int16(rng, units, depth, **({"low": -128, "high": 127} if narrow else {}))
    start = rng.integers(-(2**40), 2**40, units)
    acc = np.empty((rows, units), np.int64)
    matmul.accumulate_64(x, matmul.pack(w), start, block_of(x.dtype, w), acc)
    assert_bits(acc, integer_matmul(x, w) + start)


def test_accumulate_64_keeps_its_blocks_within_int32():
    x, w = np.full((1, 600), -(2**15), np.int16), np.full((1, 600), -128, np.int16)
    assert block_of(x.dtype, w) == 511
    acc = np.empty((1, 1), np.int64)
    matmul.accumulate_64(x, w, np.zeros(1, np.int64), block_of(x.dtype, w), acc)
    assert acc.item() == 600 * 2**22


@given(rows=SIZES, units=SIZES, depth=st.integers(0, 20), seed=SEEDS)
def test_sequential_float32_sums_in_ascending_order(rows, units, depth, seed):
    rng = np.random.default_rng(seed)
    x, w, b = float32(rng, rows, depth), float32(rng, units, depth), float32(rng, units)
    low, high = np.float32(-1), np.float32(1.5)
    y = np.empty((rows, units), np.float32)
    matmul.sequential_float32(x, np.array(w.T, order="C"), b, low, high, y)
    assert_bits(y, finish_float32(sequential_matmul(x, w), b, low, high))


def test_sequential_float32_lets_nan_pass_and_clamps_infinities():
    x, y = np.float32([[np.nan, 1], [np.inf, 1], [-np.inf, 1]]), np.empty((3, 1), np.float32)
    matmul.sequential_float32(x, np.float32([[1], [1]]), np.zeros(1, np.float32), np.float32(0), np.float32(6), y)
    np.testing.assert_array_equal(y, np.float32([[np.nan], [6], [0]]))


@st.composite
def axes(draw):
    result = []
    for _ in range(2):
        kernel, stride, dilation = draw(st.integers(1, 3)), draw(st.integers(1, 3)), draw(st.integers(1, 2))
        padding = draw(st.sampled_from(Padding))
        image = draw(st.integers((kernel - 1) * dilation + 1 if padding == Padding.VALID else 1, 7))
        result.append(window(padding, image, kernel, stride, dilation))
    return tuple(result)


def sizes(axes, name):
    return tuple(getattr(axis, name) for axis in axes)


@given(axes=axes(), groups=st.integers(1, 2), filters=st.integers(1, 3), depth=SIZES, seed=SEEDS)
def test_convolve_gathers_what_the_windows_see(axes, groups, filters, depth, seed):
    rng = np.random.default_rng(seed)
    x = int16(rng, 2, *sizes(axes, "image_size"), groups * depth)
    w = int16(rng, groups * filters, *sizes(axes, "filter_size"), depth, low=-255, high=255)
    rows, want = w.reshape(len(w), -1), integer_convolution(x, w, axes, groups)
    acc = np.empty((want.size // len(w), len(w)), np.int32)
    with np.errstate(all="ignore"):
        conv_2d.convolve(x, rows, np.full(len(w), 7, np.int32), geometry(axes), groups, acc)
    assert_bits(acc, fixed_point.wrap_int32(want + 7).astype(np.int32))
    wide = np.empty(acc.shape, np.int64)
    conv_2d.convolve_64(x, rows, np.full(len(w), 7), geometry(axes), groups, block_of(x.dtype, rows), wide)
    assert_bits(wide, want + 7)


@given(axes=axes(), groups=st.integers(1, 2), filters=st.integers(1, 3), depth=SIZES, seed=SEEDS)
def test_convolve_float32_keeps_the_order_of_sums(axes, groups, filters, depth, seed):
    rng = np.random.default_rng(seed)
    x = float32(rng, 2, *sizes(axes, "image_size"), groups * depth)
    w, b = float32(rng, groups * filters, *sizes(axes, "filter_size"), depth), float32(rng, groups * filters)
    packed = np.array(np.moveaxis(w.reshape(groups, filters, *w.shape[1:]), 1, -1), order="C")
    want = finish_float32(sequential_convolution(x, w, axes, groups), b, *NO_LIMITS)
    y = np.empty((want.size // len(w), len(w)), np.float32)
    conv_2d.convolve_float32(x, packed, b, geometry(axes), *NO_LIMITS, y)
    assert_bits(y, want)


@given(axes=axes(), channels=st.integers(1, 9), seed=SEEDS)
def test_depthwise_convolve_keeps_channels_apart(axes, channels, seed):
    rng = np.random.default_rng(seed)
    shape = (2, *sizes(axes, "image_size"), channels)
    x, w = int16(rng, *shape, low=-255, high=255), int16(rng, *sizes(axes, "filter_size"), channels, low=-255, high=255)
    want = depthwise_convolution(x.astype(np.int64), w.astype(np.int64), axes, 1)
    for dtype in (np.int32, np.int64):
        acc = np.empty((want.size // channels, channels), dtype)
        depthwise_conv_2d.convolve(x, w, np.full(channels, 7, dtype), geometry(axes), acc)
        assert_bits(acc, (want + 7).astype(dtype))
    x, w, b = float32(rng, *shape), float32(rng, *w.shape), float32(rng, channels)
    y = np.empty((want.size // channels, channels), np.float32)
    depthwise_conv_2d.convolve_float32(x, w, b, geometry(axes), *NO_LIMITS, y)
    assert_bits(y, finish_float32(depthwise_convolution(x, w, axes, 1), b, *NO_LIMITS))


@given(axes=axes(), filters=st.integers(1, 3), depth=SIZES, seed=SEEDS)
def test_transposed_convolve_scatters_to_where_the_taps_land(axes, filters, depth, seed):
    rng = np.random.default_rng(seed)
    x = int16(rng, 2, *sizes(axes, "output_size"), depth, low=-255, high=255)
    w = int16(rng, filters, *sizes(axes, "filter_size"), depth, low=-255, high=255)
    rows, want = np.moveaxis(w, 0, 2).reshape(-1, depth), integer_transposed_convolution(x, w, axes)
    acc = np.full(want.shape, 7, np.int32)
    transpose_conv.convolve(x, np.ascontiguousarray(rows), geometry(axes), acc)
    assert_bits(acc, (want + 7).astype(np.int32))
    wide = np.full(want.shape, 7, np.int64)
    transpose_conv.convolve_64(x, np.ascontiguousarray(rows), geometry(axes), 500, wide)
    assert_bits(wide, want + 7)


@given(axes=axes(), filters=st.integers(1, 3), depth=SIZES, seed=SEEDS)
def test_transposed_convolve_float32_keeps_the_order_of_sums(axes, filters, depth, seed):
    rng = np.random.default_rng(seed)
    x, b = float32(rng, 2, *sizes(axes, "output_size"), depth), float32(rng, filters)
    w = float32(rng, filters, *sizes(axes, "filter_size"), depth)
    want = finish_float32(sequential_transposed_convolution(x, w, axes), b, *NO_LIMITS)
    y = np.zeros(want.shape, np.float32)
    transpose_conv.convolve_float32(x, np.array(np.moveaxis(w, 0, 3), order="C"), b, geometry(axes), *NO_LIMITS, y)
    assert_bits(y, want)
