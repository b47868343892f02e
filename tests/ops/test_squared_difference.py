"""SQUARED_DIFFERENCE against LiteRT's reference kernels."""

import numpy as np
import pytest
from elementwise_models import SHAPES, arrays_of, binary, quantizations, whole_range
from explanations import check_explanations
from one_operator import both_refuse, compare
from oracle import needs_litert

from qref.ops.squared_difference import prepare
from qref.schema import TensorType

INT8, INT32, FLOAT32 = TensorType.INT8, TensorType.INT32, TensorType.FLOAT32


@needs_litert
def test_squared_difference_squares_at_twice_the_greater_scale():
    rng = np.random.default_rng(1)
    for number, (scales, zero_points) in enumerate(quantizations(rng, INT8, 18)):
        shapes = SHAPES[number % len(SHAPES)]
        model = binary("SQUARED_DIFFERENCE", INT8, *shapes, (scales[0], scales[1], scales[2] * 20), zero_points)
        compare(model, *arrays_of(rng, INT8, *shapes))


@needs_litert
@pytest.mark.parametrize("type", [INT32, FLOAT32])
def test_squared_difference_of_plain_numbers(type):
    rng = np.random.default_rng(2)
    for shapes in SHAPES:
        draw = arrays_of if type == FLOAT32 else whole_range
        compare(binary("SQUARED_DIFFERENCE", type, *shapes), *draw(rng, type, *shapes))


def test_squared_difference_explains_every_element():
    rng = np.random.default_rng(3)
    for scales, zero_points in quantizations(rng, INT8, 8):
        model = binary("SQUARED_DIFFERENCE", INT8, (5, 1), (1, 6), scales, zero_points)
        check_explanations(model, prepare, *arrays_of(rng, INT8, (5, 1), (1, 6)))


@needs_litert
@pytest.mark.parametrize(
    ("model", "message"),
    [
        (binary("SQUARED_DIFFERENCE", FLOAT32, (2, 3), (4,)), "do not broadcast"),
        (binary("SQUARED_DIFFERENCE", INT8, (3,), (3,), (1.0, 1.0, 1e-5)), "another scale"),
        (binary("SQUARED_DIFFERENCE", INT8, (3,), (3,), (0.1, 0.1, 0.1), (0, 0, 128)), "128"),
        (binary("SQUARED_DIFFERENCE", TensorType.INT16, (3,), (3,)), "INT16"),
    ],
)
def test_squared_difference_refuses_what_litert_refuses(model, message):
    tensors = model.subgraphs[0].tensors
    assert message in both_refuse(model, *(np.zeros(t.shape, t.type.dtype) for t in tensors[:2]))
