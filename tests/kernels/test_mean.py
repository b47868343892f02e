"""The sums of MEAN and SUM: compiled and in NumPy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qref.arithmetic.fixed_point import wrap_int32
from qref.dispatch.reduction import sum_over
from qref.kernels.mean import sum_axis


@given(st.data())
def test_the_kernel_sums_like_numpy_over_any_axes(data):
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    shape = tuple(data.draw(st.lists(st.integers(1, 5), min_size=1, max_size=5)))
    axes = tuple(sorted(data.draw(st.sets(st.integers(0, len(shape) - 1)))))
    dtype = np.dtype(data.draw(st.sampled_from(["int8", "uint8", "int16"])))
    limits = np.iinfo(dtype)
    x = rng.integers(limits.min, limits.max, shape, endpoint=True).astype(dtype)
    np.testing.assert_array_equal(sum_over(x, axes), x.sum(axis=axes, dtype=np.int64).reshape(-1))


@pytest.mark.parametrize("width", [1, 2])
def test_the_kernel_wraps_as_int32(width):
    x = np.full((1, 2**17, width), 2**15 - 1, np.int16)
    acc = np.empty((1, width), np.int32)
    with np.errstate(over="ignore"):  # without the JIT, NumPy warns
        sum_axis(x, acc)
    np.testing.assert_array_equal(acc, wrap_int32(x.sum(axis=1, dtype=np.int64)))
