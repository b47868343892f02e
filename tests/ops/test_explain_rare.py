"""Explanations of operators that combine or choose elements: SCATTER_ND, segments, REDUCE_WINDOW, ARG_MAX, TOPK_V2 and others."""

from __future__ import annotations

import numpy as np
import pytest
from explanations import check_some_explanations
from one_operator import T, const, every, model_of
from unary_models import unary_model

from qref.schema import TensorType

F32, I8, U8, I32, I64, BOOL = (
    TensorType.FLOAT32,
    TensorType.INT8,
    TensorType.UINT8,
    TensorType.INT32,
    TensorType.INT64,
    TensorType.BOOL,
)
REFERENCE = "litert-reference"
RNG = np.random.default_rng(5)


def explained(model, *inputs):
    return check_some_explanations(model, REFERENCE, *inputs, count=12)


@pytest.mark.parametrize("type", [F32, I8, U8, I32, I64, BOOL])
def test_scatter_nd_is_explained(type):
    for shape, coordinates in (((5,), [[1], [3], [1]]), ((3, 4), [[2], [0]]), ((3, 4), [[2, 1], [0, 0], [2, 1]])):
        where = np.array(coordinates, np.int32)
        updates = every(RNG, type, (*where.shape[:-1], *shape[where.shape[-1] :]))
        explained(model_of("SCATTER_ND", [const(where), T(type, updates.shape), const(shape)], [T(type)]), updates)


@pytest.mark.parametrize("type", [F32, I32])
def test_segments_are_explained(type):
    for combine in ("SUM", "MAX", "MIN", "PROD"):
        for shape, numbers in (((5,), [0, 2, 0, -1, 2]), ((4, 3), [1, 1, 3, 0]), ((2, 2, 3), [[0, 2], [2, 0]])):
            operands = [T(type, shape), const(numbers), const(5)]
            explained(model_of(f"UNSORTED_SEGMENT_{combine}", operands, [T(type)]), every(RNG, type, shape))
        zeros = np.array([0.0, -0.0, -0.0, 0.0], np.float32)
        operands = [T(F32, (4,)), const([0, 0, 1, 1]), const(3)]
        explained(model_of(f"UNSORTED_SEGMENT_{combine}", operands, [T(F32)]), zeros)
    explained(model_of("SEGMENT_SUM", [T(type, (4, 3)), const([0, 1, 1, 1])], [T(type)]), every(RNG, type, (4, 3)))


@pytest.mark.parametrize("function", range(1, 7))
def test_reduce_window_is_explained(function):
    for type in (BOOL,) if function > 4 else (F32, I8, U8, I32, I64):
        numbers = [const(v, np.int64) for v in ([2, 3], [2, 1], [1, 2])]
        options = ("ReduceWindowOptions", {"reduce_function": function})
        model = model_of("REDUCE_WINDOW", [T(type, (7, 8)), const(1, type.dtype), *numbers], [T(type)], options)
        explained(model, every(RNG, type, (7, 8)))


@pytest.mark.parametrize("name", ["ARG_MAX", "ARG_MIN"])
def test_arg_max_and_arg_min_are_explained(name):
    for type in (F32, I8, U8, I32, BOOL):
        for axis in (0, 1, -1):
            options = (f"{name.title().replace('_', '')}Options", {"output_type": I64})
            explained(model_of(name, [T(type, (4, 5, 6)), const(axis)], [T(I64)], options), every(RNG, type, (4, 5, 6)))
    rows = np.array([[np.nan, 1, 2], [1, np.nan, 3], [np.inf, np.nan, -np.inf], [-0.0, 0.0, -0.0]], np.float32)
    explained(model_of(name, [T(F32, (4, 3)), const(1)], [T(I32)]), rows)


@pytest.mark.parametrize("type", [F32, I8, I64])
def test_topk_and_one_hot_are_explained(type):
    model = model_of("TOPK_V2", [T(type, (3, 9)), const(5)], [T(type), T(I32)])
    explained(model, RNG.integers(0, 4, (3, 9)).astype(type.dtype))
    explained(model, every(RNG, type, (3, 9)))
    for axis in (-1, 0, 1):
        operands = [T(I32, (2, 3)), const(4), const(1, type.dtype), const(5, type.dtype)]
        model = model_of("ONE_HOT", operands, [T(type)], ("OneHotOptions", {"axis": axis}))
        explained(model, np.array([[0, 3, 4], [-1, 2, 2]], np.int32))


@pytest.mark.parametrize("radius", [0, 1, 3, 20])
@pytest.mark.parametrize("beta", [0.5, 0.75, -1.3])
def test_local_response_normalization_is_explained(radius, beta):
    x = (RNG.normal(size=(2, 3, 2, 7)) * 3).astype(np.float32)
    options = ("LocalResponseNormalizationOptions", {"radius": radius, "bias": 0.7, "alpha": 0.3, "beta": beta})
    explained(unary_model("LOCAL_RESPONSE_NORMALIZATION", F32, x.shape, options=options), x)
