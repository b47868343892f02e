"""ADD_N against LiteRT's reference kernels."""

import numpy as np
import pytest
from elementwise_models import arrays_of, options_of, whole_range
from one_operator import T, both_refuse, compare, model_of
from oracle import needs_litert

from qref.schema import TensorType

INT32, FLOAT32 = TensorType.INT32, TensorType.FLOAT32


def add_n(type, *shapes):
    return model_of("ADD_N", [T(type, shape) for shape in shapes], [T(type)], options_of("ADD_N", {}))


@needs_litert
@pytest.mark.parametrize("type", [INT32, FLOAT32])
@pytest.mark.parametrize("count", [2, 3, 4, 7])
def test_add_n_adds_from_left_to_right(type, count):
    rng = np.random.default_rng(1)
    for shape in ((3, 50), (5,), ()):
        arrays = (whole_range if type == INT32 else arrays_of)(rng, type, *[shape] * count)
        compare(add_n(type, *[shape] * count), *arrays)


@needs_litert
def test_add_n_keeps_negative_zero():
    compare(add_n(FLOAT32, (2,), (2,)), np.float32([-0.0, 0.0]), np.float32([-0.0, -0.0]))


@needs_litert
def test_add_n_refuses_what_litert_refuses():
    assert "at least 2" in both_refuse(add_n(FLOAT32, (2,)), np.ones(2, np.float32))
    assert "shape" in both_refuse(add_n(FLOAT32, (2,), (1,)), np.ones(2, np.float32), np.ones(1, np.float32))
    assert "INT8" in both_refuse(add_n(TensorType.INT8, (2,), (2,)), *np.ones((2, 2), np.int8))
