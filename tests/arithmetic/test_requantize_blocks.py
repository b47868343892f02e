"""The rules with blocks: whole blocks round as HalfUp, what is left over as DoubleRounding; kernels equal the rules."""

from __future__ import annotations

import numpy as np
import pytest
from explanations import explained
from hypothesis import given
from hypothesis import strategies as st

from qref.arithmetic.requantize import DoubleRounding, Float32HalfEven, HalfUp, HalfUpBlocks, HalfUpFlatBlocks
from qref.dispatch.requantize import bind_requantize


@given(st.integers(1, 20), st.integers(0, 2**32 - 1))
def test_half_up_blocks_leave_the_last_channels_to_double_rounding(channels, seed):
    rng = np.random.default_rng(seed)
    scale, acc = 2.0 ** rng.integers(-12, 0, channels), rng.integers(-(2**15), 2**15, (5, channels))
    got, whole = HalfUpBlocks.of(scale)(acc), channels // 8 * 8
    np.testing.assert_array_equal(got[:, :whole], HalfUp.of(scale)(acc)[:, :whole])
    np.testing.assert_array_equal(got[:, whole:], DoubleRounding.of(scale)(acc)[:, whole:])
    for channel in range(channels):
        assert explained(HalfUpBlocks.of(scale), int(acc[0, channel]), (channel,))[-1].value == got[0, channel]


@given(st.integers(1, 50), st.integers(0, 2**32 - 1))
def test_half_up_flat_blocks_leave_the_last_elements_to_double_rounding(size, seed):
    acc = np.random.default_rng(seed).integers(-(2**15), 2**15, size)
    scale, whole = np.array([2.0**-9]), size // 16 * 16
    got = HalfUpFlatBlocks.of(scale)(acc)
    np.testing.assert_array_equal(got[:whole], HalfUp.of(scale)(acc)[:whole])
    np.testing.assert_array_equal(got[whole:], DoubleRounding.of(scale)(acc)[whole:])
    for place in (0, size - 1):
        assert explained(HalfUpFlatBlocks.of(scale), int(acc[place]), (place,), (size,))[-1].value == got[place]


@pytest.mark.parametrize("rule", [HalfUp, HalfUpBlocks, HalfUpFlatBlocks, Float32HalfEven])
@given(channels=st.integers(1, 20), seed=st.integers(0, 2**32 - 1))
def test_kernels_equal_the_rules(rule, channels, seed):
    rng = np.random.default_rng(seed)
    scale = 2.0 ** rng.integers(-12, 3, 1 if rule is HalfUpFlatBlocks else channels)
    acc = rng.integers(-(2**31), 2**31, (3, channels)) >> rng.integers(0, 31)
    bound, got = rule.of(scale), bind_requantize(rule.of(scale), 3, -128, 127)(acc.astype(np.int32), np.dtype(np.int8))
    np.testing.assert_array_equal(got, np.clip(bound(acc) + 3, -128, 127))
