"""Rows of floats to int8: against one row at a time in plain numbers."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from qref.arithmetic.hybrid import quantize_rows_asymmetric, quantize_rows_symmetric

magnitudes = st.just(0.0) | st.floats(2.0**-60, 1024, width=32) | st.integers(0, 512).map(lambda n: n / 8)
reals = magnitudes | magnitudes.map(lambda x: -x)
matrices = hnp.arrays(np.float32, st.tuples(st.integers(1, 4), st.integers(1, 20)), elements=reals)
both = pytest.mark.parametrize("quantize_rows", [quantize_rows_symmetric, quantize_rows_asymmetric])


def round_half_away(x) -> int:
    return math.floor(abs(Fraction(float(x))) + Fraction(1, 2)) * (1 if x >= 0 else -1)


def round_of(v: np.float32, position: int, depth: int) -> int:
    """Elements of whole blocks of 8 are rounded by a float32 addition."""
    if position < depth // 8 * 8:
        return int(v + np.copysign(np.float32(0.5), v))
    return round_half_away(v)


@given(matrices)
def test_symmetric_rows(x):
    q, scale, zero_point = quantize_rows_symmetric(x)
    assert (q.dtype, scale.dtype, zero_point.dtype) == (np.int8, np.float32, np.int64)
    assert not zero_point.any()
    for row, of_row, row_scale in zip(x, q, scale):
        greatest = max(abs(value) for value in row)
        if greatest == 0:
            assert (row_scale, of_row.any()) == (1, False)
            continue
        inverse = np.float32(127) / greatest
        assert row_scale == greatest / np.float32(127)
        want = [round_of(value * inverse, position, len(row)) for position, value in enumerate(row)]
        assert of_row.tolist() == [min(max(value, -127), 127) for value in want]


@given(matrices)
def test_asymmetric_rows(x):
    q, scale, zero_point = quantize_rows_asymmetric(x)
    assert (q.dtype, scale.dtype, zero_point.dtype) == (np.int8, np.float32, np.int64)
    for row, of_row, row_scale, row_zero_point in zip(x, q, scale, zero_point):
        low, high = min(np.float32(0), *row), max(np.float32(0), *row)
        if low == high:
            assert (row_scale, row_zero_point, of_row.any()) == (1, 0, False)
            continue
        step = float(high - low) / 255
        from_low, from_high = -128 - float(low) / step, 127 - float(high) / step
        nearer_low = 128 + abs(float(low) / step) < 127 + abs(float(high) / step)
        want_zero_point = round_half_away(min(max(from_low if nearer_low else from_high, -128.0), 127.0))
        inverse = np.float32(1) / np.float32(step)
        want = [round_of(value * inverse, position, len(row)) + want_zero_point for position, value in enumerate(row)]
        assert (row_scale, row_zero_point) == (np.float32(step), want_zero_point)
        assert of_row.tolist() == [min(max(value, -128), 127) for value in want]


@both
@given(x=matrices)
def test_a_row_is_recovered_within_a_step(quantize_rows, x):
    q, scale, zero_point = quantize_rows(x)
    recovered = scale[:, None] * (q - zero_point[:, None])
    assert (np.abs(recovered - x) <= 1.01 * scale[:, None]).all()


def test_whole_blocks_of_eight_round_the_float_below_a_half_up():
    below_half = np.nextafter(np.float32(0.5), np.float32(0))
    row = np.full((1, 9), below_half)
    row[0, 0] = 127
    q, scale, _ = quantize_rows_symmetric(row)
    assert scale == 1
    assert q[0].tolist() == [127] + [1] * 7 + [0]


@both
def test_rows_are_independent_and_may_be_empty(quantize_rows):
    x = np.random.default_rng(0).normal(size=(5, 11)).astype(np.float32)
    for whole, part in zip(quantize_rows(x), quantize_rows(x[2:3])):
        np.testing.assert_array_equal(whole[2:3], part)
    q, scale, zero_point = quantize_rows(np.zeros((2, 0), np.float32))
    assert (q.shape, scale.tolist(), zero_point.tolist()) == ((2, 0), [1, 1], [0, 0])


@both
def test_infinities_and_nan_give_no_warning(quantize_rows):
    q, _, _ = quantize_rows(np.float32([[np.nan, 1], [np.inf, -1]]))
    assert q.dtype == np.int8
