"""BITWISE_XOR and RIGHT_SHIFT against LiteRT's reference kernels."""

import numpy as np
import pytest
from elementwise_models import SHAPES, binary, whole_range
from one_operator import both_refuse, compare, evaluate
from oracle import needs_litert

from qref.schema import TensorType

TYPES = [TensorType.INT8, TensorType.UINT8, TensorType.INT16, TensorType.UINT16, TensorType.INT32, TensorType.UINT32]


@needs_litert
@pytest.mark.parametrize("type", TYPES)
def test_bitwise_xor_takes_words_as_they_stand(type):
    rng = np.random.default_rng(1)
    for shapes in SHAPES:
        compare(binary("BITWISE_XOR", type, *shapes), *whole_range(rng, type, *shapes))


@needs_litert
@pytest.mark.parametrize("type", TYPES)
def test_right_shift_clamps_its_count(type):
    rng = np.random.default_rng(2)
    for shapes in SHAPES:
        x1, x2 = whole_range(rng, type, *shapes)
        compare(binary("RIGHT_SHIFT", type, *shapes), x1, x2)
        compare(binary("RIGHT_SHIFT", type, *shapes), x1, x2 % np.array(9, type.dtype))


def test_right_shift_is_arithmetic():
    (y,) = evaluate(binary("RIGHT_SHIFT", TensorType.INT8, (4,), (4,)), np.int8([-128, -128, 127, -1]), np.int8([1, 99, -5, 7]))
    assert y.tolist() == [-64, -1, 127, -1]


@needs_litert
@pytest.mark.parametrize("name", ["BITWISE_XOR", "RIGHT_SHIFT"])
def test_bitwise_operators_refuse_what_litert_refuses(name):
    for type in (TensorType.INT64, TensorType.FLOAT32, TensorType.BOOL):
        assert type.name in both_refuse(binary(name, type, (2,), (2,)), *np.ones((2, 2), type.dtype))
