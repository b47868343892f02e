"""Explanations of reductions, running sums, pooling and casts, in every runtime."""

from __future__ import annotations

import numpy as np
import pytest
from explanations import check_in_every_runtime
from one_operator import T, const, every, model_of
from unary_models import unary_model

from qref.schema import TensorType

INT8, UINT8, INT16, INT32, INT64, FLOAT16, FLOAT32, BOOL = (
    TensorType[name] for name in ("INT8", "UINT8", "INT16", "INT32", "INT64", "FLOAT16", "FLOAT32", "BOOL")
)
FORMS = [
    ((3, 50), (1,)),
    ((2, 3, 4, 5), (1, 2)),
    ((70,), (0,)),
    ((5, 7, 3), (0, 2)),
    ((2, 3, 45), (1, 2)),
    ((4, 9), (0,)),
    ((2, 1, 7), (1,)),
]


def reduction(name, type, shape, axes, scales=(None, None), zero_points=(0, 0), keep_dims=False):
    x, y = (T(type, shape, scales[0], zero_points[0]), T(type, (), scales[1], zero_points[1]))
    return model_of(name, [x, const(axes)], [y], ("ReducerOptions", {"keep_dims": keep_dims}))


def values(rng, type, shape):
    if type == FLOAT32:
        special = np.float32([1e-40, -1e-40, 0.0, 1e8])
        return rng.choice(np.concatenate([special, rng.normal(size=60).astype(np.float32)]), shape)
    return rng.integers(0, 2, shape).astype(bool) if type == BOOL else every(rng, type, shape)


@pytest.mark.parametrize("name", ["SUM", "MEAN", "REDUCE_MAX", "REDUCE_MIN", "REDUCE_PROD"])
def test_reductions_of_numbers(name):
    rng = np.random.default_rng(1)
    for number, (shape, axes) in enumerate(FORMS):
        for type in (FLOAT32, INT32):
            check_in_every_runtime(
                reduction(name, type, shape, axes, keep_dims=number % 2 == 1), values(rng, type, shape), count=2
            )


@pytest.mark.parametrize("name", ["SUM", "MEAN", "REDUCE_MAX", "REDUCE_MIN"])
@pytest.mark.parametrize("type", [INT8, UINT8])
def test_reductions_of_quantized_tensors(name, type):
    rng = np.random.default_rng(2)
    for number, (shape, axes) in enumerate(FORMS):
        scales, zero_points = [((0.5, 0.25), (3, 5)), ((0.02, 0.03), (1, 100)), ((0.04, 0.04), (7, 7))][number % 3]
        if name.startswith("REDUCE"):
            scales, zero_points = (0.04, 0.04), (7, 7)
        model = reduction(name, type, shape, axes, scales, zero_points, keep_dims=number in (1, 4))
        check_in_every_runtime(model, values(rng, type, shape), count=3)


def test_products_of_quantized_tensors_are_rounded_after_every_factor():
    rng = np.random.default_rng(3)
    for type in (INT8, INT16):
        model = reduction("REDUCE_PROD", type, (4, 5), (1,), (0.05, 0.03), (3, 5) if type == INT8 else (0, 0))
        check_in_every_runtime(model, values(rng, type, (4, 5)))


def test_reductions_of_bools():
    rng = np.random.default_rng(4)
    for name in ("REDUCE_ALL", "REDUCE_ANY", "REDUCE_MAX", "REDUCE_MIN", "REDUCE_PROD", "SUM"):
        check_in_every_runtime(reduction(name, BOOL, (6, 3), (1,)), values(rng, BOOL, (6, 3)))


def test_running_sums():
    rng = np.random.default_rng(5)
    for type in (FLOAT32, INT32):
        for number in range(4):
            fields = {"exclusive": number % 2 == 1, "reverse": number > 1}
            model = model_of("CUMSUM", [T(type, (3, 5, 2)), const(1)], [T(type)], ("CumsumOptions", fields))
            check_in_every_runtime(model, values(rng, type, (3, 5, 2)))


@pytest.mark.parametrize("name", ["AVERAGE_POOL_2D", "MAX_POOL_2D", "L2_POOL_2D"])
def test_pooling(name):
    rng = np.random.default_rng(6)
    for type in (FLOAT32,) if name == "L2_POOL_2D" else (FLOAT32, INT8, UINT8, INT16):
        for padding, filter_size, stride, activation in ((0, (3, 3), (2, 2), 0), (1, (2, 4), (1, 2), 1), (0, (5, 3), (1, 1), 3)):
            fields = {"padding": padding, "filter_height": filter_size[0], "filter_width": filter_size[1]}
            fields |= {"stride_h": stride[0], "stride_w": stride[1], "fused_activation_function": activation}
            quantized = (None, 0) if type == FLOAT32 else (0.05, 0 if type == INT16 else 3)
            model = model_of(name, [T(type, (2, 7, 6, 3), *quantized)], [T(type, (), *quantized)], ("Pool2DOptions", fields))
            check_in_every_runtime(model, values(rng, type, (2, 7, 6, 3)))


def test_casts():
    types, special = (INT8, UINT8, INT16, INT32, INT64, FLOAT16, FLOAT32, BOOL), np.float32([np.inf, -np.inf, np.nan, 2.5, -2.5])
    rng = np.random.default_rng(7)
    for source in types:
        x = (
            np.concatenate([special, rng.normal(size=20) * 200]).astype(source.dtype)
            if source in (FLOAT16, FLOAT32)
            else values(rng, source, (25,))
        )
        for target in types:
            check_in_every_runtime(unary_model("CAST", source, x.shape, output_type=target), x, count=12)
