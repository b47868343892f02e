"""MEAN, SUM, REDUCE_MAX and REDUCE_MIN in LiteRT's optimized kernels and in XNNPACK."""

from __future__ import annotations

import numpy as np
import pytest
from explanations import check_explanations
from one_operator import T, const, every, model_of
from oracle import assert_equals_litert, needs_litert

from qref.ops import find_prepare
from qref.ops.xnnpack import _reduction
from qref.schema import TensorType

INT8, UINT8, INT16, FLOAT32 = TensorType.INT8, TensorType.UINT8, TensorType.INT16, TensorType.FLOAT32
KERNEL_SETS = ["optimized", "xnnpack"]
SCALES = (0.02, 0.03, 0.04, 2.0**-6, 2.0**-5, 0.5)


def reduction(name, type, shape, axes, keep_dims, scales=(None, None), zero_points=(0, 0)):
    x, y = (T(type, s, scale, zero) for s, scale, zero in zip((shape, ()), scales, zero_points))
    return model_of(name, [x, const(axes)], [y], ("ReducerOptions", {"keep_dims": keep_dims}), version=2)


def shapes_and_axes(seed, count):
    rng = np.random.default_rng(seed)
    for number in range(count):
        rank = int(rng.integers(1, 6))
        shape = tuple(int(n) for n in rng.choice([1, 2, 3, 5, 9, 17, 33], rank))
        axes = [int(a) for a in rng.choice(rank, int(rng.integers(1, rank + 1)), replace=False)]
        if number % 3 == 0:
            shape, axes = (2, 3, int(rng.integers(1, 9)), int(rng.integers(1, 40))), [1, 2]
        elif number % 3 == 1:
            shape, axes = (3, int(rng.integers(1, 300))), [-1]
        yield rng, shape, axes, number % 2 == 0


@needs_litert
@pytest.mark.parametrize("kernel_set", KERNEL_SETS)
@pytest.mark.parametrize("type", [INT8, UINT8, INT16])
@pytest.mark.parametrize("name", ["MEAN", "SUM"])
def test_quantized_sums(kernel_set, type, name):
    limits = np.iinfo(type.dtype)
    for rng, shape, axes, keep_dims in shapes_and_axes(1, 24):
        zero_points = (0, 0) if type == INT16 else tuple(int(z) for z in rng.choice([limits.min, limits.max, 0, 7], 2))
        scales = [float(s) for s in rng.choice(SCALES, 2)]
        model = reduction(name, type, shape, axes, keep_dims, scales, np.maximum(zero_points, limits.min))
        assert_equals_litert(model, [{0: every(rng, type, shape)}], kernel_set)


@needs_litert
@pytest.mark.parametrize("kernel_set", KERNEL_SETS)
@pytest.mark.parametrize("name", ["MEAN", "SUM"])
def test_float_sums_in_the_order_of_each_kernel_set(kernel_set, name):
    for number, (rng, shape, axes, keep_dims) in enumerate(shapes_and_axes(2, 40)):
        x = every(rng, FLOAT32, shape)
        x = np.float32(x * 1e-39) if number % 5 == 0 else x
        assert_equals_litert(reduction(name, FLOAT32, shape, axes, keep_dims), [{0: x}], kernel_set)


@needs_litert
@pytest.mark.parametrize("kernel_set", KERNEL_SETS)
@pytest.mark.parametrize("name", ["REDUCE_MAX", "REDUCE_MIN"])
def test_the_last_of_equal_zeros_is_the_extremum(kernel_set, name):
    for type in (FLOAT32, INT8, INT16):
        for number, (rng, shape, axes, keep_dims) in enumerate(shapes_and_axes(3, 24)):
            x = every(rng, type, shape)
            if type == FLOAT32 and number % 3 == 0:
                x = np.copysign(np.float32(0), x)
            scales = (None, None) if type == FLOAT32 else (0.1, 0.1)
            assert_equals_litert(reduction(name, type, shape, axes, keep_dims, scales), [{0: x}], kernel_set)


@pytest.mark.parametrize("kernel_set", KERNEL_SETS)
@pytest.mark.parametrize("name", ["MEAN", "SUM"])
def test_explanations_end_at_the_result(kernel_set, name):
    rng = np.random.default_rng(4)
    for keep_dims, axes in ((True, [1, 2]), *([(False, [0, 1])] if kernel_set == "xnnpack" or name == "SUM" else [])):
        model = reduction(name, INT8, (2, 3, 2, 19), axes, keep_dims, (0.5, 0.25), (5, -7))
        prepare = find_prepare(name, kernel_set=kernel_set)
        check_explanations(model, prepare, every(rng, INT8, (2, 3, 2, 19)), np.int32(axes))


@pytest.mark.parametrize("lanes", [8, 16])
def test_rows_are_summed_in_lanes(lanes):
    """Numbers of which every partial sum is exact have one sum in any order; others show the order of the lanes."""
    rows = np.random.default_rng(5).integers(-99, 99, (4, 133)).astype(np.float32)
    np.testing.assert_array_equal(_reduction.sum_rows(rows, lanes), rows.sum(axis=1))
    row = np.zeros((1, 64), np.float32)
    row[0, [0, lanes]] = 1e8, 1  # the same lane in different registers
    row[0, 32] = -1e8  # the lane and register of the first
    assert _reduction.sum_rows(row, lanes) == 1
