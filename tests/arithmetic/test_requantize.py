"""Every rounding rule: the array form against its explanation in plain numbers and against the exact product."""

from fractions import Fraction

import numpy as np
import pytest
from explanations import explained
from hypothesis import given
from hypothesis import strategies as st

from qref.arithmetic.fixed_point import INT32_MAX
from qref.arithmetic.requantize import (
    DoubleRounding,
    Float32HalfEven,
    Float64HalfAway,
    HalfUp,
    SingleRounding,
    SingleRounding64,
)

RULES = (DoubleRounding, HalfUp, SingleRounding, SingleRounding64, Float64HalfAway, Float32HalfEven)
rules = pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)

powers_of_two = st.integers(-20, 3).map(lambda exponent: 2.0**exponent)
scales = st.lists(st.floats(1e-7, 100) | powers_of_two, min_size=1, max_size=4).map(np.array)
accumulators = st.integers(-(2**31), 2**31 - 1) | st.integers(-3000, 3000) | st.sampled_from((-(2**31), 2**31 - 1))


@rules
@given(scale=scales, acc=st.lists(accumulators, min_size=1, max_size=20))
def test_the_explanation_ends_at_the_result(rule, scale, acc):
    requantize = rule.of(scale)
    results = requantize(np.array(acc, np.int32)[:, None])
    assert results.dtype == np.int64
    assert results.shape == (len(acc), len(scale))
    for (row, channel), result in np.ndenumerate(results):
        explanation = explained(requantize, acc[row], (channel,))
        assert explanation[-1].value == result
        assert all(type(step.value) in (int, float) for step in explanation)


@rules
@given(scale=st.floats(1e-7, 60), acc=st.integers(-(2**24), 2**24))
def test_the_result_is_near_the_exact_product(rule, scale, acc):
    precision = 2.0**-15 if rule is SingleRounding64 else 2.0**-23
    exact = Fraction(scale) * acc
    assert abs(int(rule.of(np.array(scale))(np.array([acc]))[0]) - exact) <= 1 + precision * abs(exact)


@rules
def test_one_scale_serves_every_channel(rule):
    acc = np.arange(-500, 500).reshape(-1, 4)
    per_tensor, per_axis = rule.of(np.array(0.0123)), rule.of(np.full(4, 0.0123))
    np.testing.assert_array_equal(per_tensor(acc), per_axis(acc))
    assert explained(per_tensor, -500, (3,)) == explained(per_axis, -500, (3,))


@rules
def test_constants_are_arrays_of_one_value_per_channel(rule):
    requantize = rule.of(np.array(0.25))
    assert all(getattr(requantize, field).shape == (1,) for field in requantize.__dataclass_fields__ if field != "name")


@pytest.mark.parametrize(
    ("rule", "results"),
    [
        (DoubleRounding, [-3, -2, -1, 1, 2, 3]),
        (HalfUp, [-2, -1, 0, 1, 2, 3]),
        (SingleRounding, [-2, -1, 0, 1, 2, 3]),
        (SingleRounding64, [-2, -1, 0, 1, 2, 3]),
        (Float64HalfAway, [-3, -2, -1, 1, 2, 3]),
        (Float32HalfEven, [-2, -2, 0, 0, 2, 2]),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_where_ties_go(rule, results):
    acc = np.array([-10, -6, -2, 2, 6, 10])
    np.testing.assert_array_equal(rule.of(np.array(0.25))(acc), results)


def test_single_rounding_saturates_scales_beyond_30_bits():
    requantize = SingleRounding.of(np.array([2.0**40]))
    assert requantize.quantized_multiplier == INT32_MAX
    assert requantize.shift == 30


def test_single_rounding_64_takes_accumulators_of_48_bits():
    requantize = SingleRounding64.of(np.array([2.0**-20]))
    assert requantize(np.array([2**47 - 1])) == explained(requantize, 2**47 - 1)[-1].value == 2**27


def test_float64_half_away_gives_the_least_int32_where_the_product_does_not_fit():
    requantize = Float64HalfAway.of(np.array([1e6]))
    np.testing.assert_array_equal(requantize(np.array([3000, -3000, 2000])), [-(2**31), -(2**31), 2 * 10**9])
    assert explained(requantize, 3000)[-1].value == -(2**31)


@given(scale=st.floats(1e-6, 255), acc=accumulators, limit=st.integers(-255, 255))
def test_xnnpack_may_clamp_after_rounding_instead_of_before(scale, acc, limit):
    requantize = Float32HalfEven.of(np.array(scale))
    product = np.float32(acc) * np.float32(scale)
    before = int(np.rint(np.minimum(product, np.float32(limit))))
    assert np.clip(requantize(np.array([acc]))[0], -256, limit) == max(before, -256)
