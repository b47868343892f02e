"""MAXIMUM and MINIMUM against LiteRT's reference kernels."""

import numpy as np
import pytest
from elementwise_models import EMPTY, SHAPES, arrays_of, binary, options_of, whole_range
from one_operator import T, both_refuse, compare, const, evaluate, model_of
from oracle import needs_litert

from qref.schema import TensorType

FLOAT16, FLOAT32 = TensorType.FLOAT16, TensorType.FLOAT32
INTEGERS = [TensorType.INT8, TensorType.UINT8, TensorType.INT16, TensorType.INT32, TensorType.INT64]
NAMES = ["MAXIMUM", "MINIMUM"]


@needs_litert
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("type", [*INTEGERS, FLOAT16, FLOAT32])
def test_maximum_and_minimum_look_at_no_scale(name, type):
    rng = np.random.default_rng(1)
    scales = (0.1, 0.2, 0.3) if type in INTEGERS[:3] else None
    for shapes in SHAPES:
        draw = whole_range if type in INTEGERS else arrays_of
        compare(binary(name, type, *shapes, scales), *draw(rng, type, *shapes))


@needs_litert
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_maximum_and_minimum_keep_the_second_of_what_does_not_compare(name, dtype):
    constants = [const([np.nan, 1, -0.0, 0.0, np.nan, np.inf], dtype), const([1, np.nan, 0.0, -0.0, np.nan, np.nan], dtype)]
    compare(model_of(name, constants, [T(constants[0].type, (6,))], options_of(name, {})))


def test_maximum_of_nothing_is_nothing():
    (y,) = evaluate(binary("MAXIMUM", FLOAT32, *EMPTY), *(np.zeros(shape, np.float32) for shape in EMPTY))
    assert y.shape == (2, 0, 3)


@needs_litert
@pytest.mark.parametrize("name", NAMES)
def test_maximum_and_minimum_refuse_what_litert_refuses(name):
    assert "BOOL" in both_refuse(binary(name, TensorType.BOOL, (3,), (3,)), np.ones(3, bool), np.ones(3, bool))
    assert "broadcast" in both_refuse(binary(name, FLOAT32, (3,), (2,)), np.ones(3, np.float32), np.ones(2, np.float32))
