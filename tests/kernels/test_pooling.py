"""The numba kernels of pooling and resizing give what the NumPy references give."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from qref.dispatch import bind
from qref.ops import Prepared, average_pool_2d, max_pool_2d
from qref.ops import resize_bilinear as resize
from qref.ops._convolution import window
from qref.ops._pooling import PoolPlan, _count
from qref.schema import Padding

SIZES = st.integers(1, 8)
DTYPES = st.sampled_from([np.int8, np.uint8, np.int16, np.float32])


def values(seed: int, shape: tuple[int, ...], dtype) -> np.ndarray:
    rng = np.random.default_rng(seed)
    if dtype == np.float32:
        return rng.normal(size=shape).astype(np.float32) * np.float32(10)
    limits = np.iinfo(dtype)
    return rng.integers(limits.min, limits.max, shape, endpoint=True).astype(dtype)


@given(st.data(), DTYPES, st.integers(0, 99), st.sampled_from(list(Padding)), st.integers(1, 2), st.integers(1, 5))
def test_pooling_kernels_equal_their_references(data, dtype, seed, padding, batch, channels):
    axes = [window(padding, data.draw(SIZES), data.draw(SIZES), data.draw(st.integers(1, 4)), 1) for _ in range(2)]
    count = np.multiply.outer(*(_count(axis) for axis in axes))[..., None]
    low, high = (np.float32(-8), np.float32(9)) if dtype == np.float32 else (np.iinfo(dtype).min + 3, 100)
    plan = PoolPlan(*axes, count, low, high, (batch, axes[0].output_size, axes[1].output_size, channels))
    x = values(seed, (batch, axes[0].image_size, axes[1].image_size, channels), dtype)
    average = average_pool_2d.average_pool_2d_float32 if dtype == np.float32 else average_pool_2d.average_pool_2d
    for reference in (average, max_pool_2d.max_pool_2d):
        y = bind(Prepared(reference, plan), [None], "numba")(x)
        want = reference(x, plan)
        assert (y.dtype, y.shape) == (want.dtype, want.shape)
        np.testing.assert_array_equal(y, want)


@given(st.data(), st.integers(0, 99), st.sampled_from([np.int8, np.uint8, np.int16]), st.integers(1, 2), st.integers(1, 5))
def test_average_pool_2d_explains_every_element_as_its_reference(data, seed, dtype, batch, channels):
    axes = [
        window(data.draw(st.sampled_from(list(Padding))), data.draw(st.integers(4, 8)), data.draw(st.integers(1, 4)), 2, 1)
        for _ in "hw"
    ]
    count = np.multiply.outer(*(_count(axis) for axis in axes))[..., None]
    limits = np.iinfo(dtype)
    plan = PoolPlan(*axes, count, limits.min, limits.max, (batch, axes[0].output_size, axes[1].output_size, channels))
    x = values(seed, (batch, axes[0].image_size, axes[1].image_size, channels), dtype)
    element = tuple(data.draw(st.integers(0, n - 1)) for n in plan.output_shape)
    assert average_pool_2d.explain(x, plan, element)[-1].value == average_pool_2d.average_pool_2d(x, plan)[element]


@given(st.data(), DTYPES, st.integers(0, 99), st.sampled_from([(False, False), (True, False), (False, True)]))
def test_resize_bilinear_kernels_equal_their_references(data, dtype, seed, modes):
    integer = dtype in (np.int8, np.int16)
    find = resize.neighbors_integer if integer else resize.neighbors_float32
    height, width = data.draw(SIZES), data.draw(SIZES)
    size = [data.draw(st.integers(1, 70)), data.draw(st.integers(1, 12))]
    plan = resize.ResizeBilinearPlan(find(height, size[0], *modes), find(width, size[1], *modes))
    x = values(seed, (2, height, width, 3), dtype)
    reference = resize.resize_bilinear_integer if integer else resize.resize_bilinear_float32
    y = bind(Prepared(reference, plan), [None, None], "numba")(x, np.int32(size))
    assert y.dtype == x.dtype
    np.testing.assert_array_equal(y, reference(x, np.int32(size), plan))
