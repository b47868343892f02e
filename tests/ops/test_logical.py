"""LOGICAL_AND, LOGICAL_OR and LOGICAL_NOT against LiteRT's reference kernels."""

import numpy as np
import pytest
from elementwise_models import SHAPES, arrays_of, binary, options_of
from one_operator import T, both_refuse, compare, model_of
from oracle import needs_litert

from qref.schema import TensorType

BOOL = TensorType.BOOL


@needs_litert
@pytest.mark.parametrize("name", ["LOGICAL_AND", "LOGICAL_OR"])
def test_logical_and_or_broadcast(name):
    rng = np.random.default_rng(1)
    for shapes in SHAPES:
        compare(binary(name, BOOL, *shapes), *arrays_of(rng, BOOL, *shapes))


@needs_litert
def test_logical_not():
    for shape in ((3, 4), ()):
        model = model_of("LOGICAL_NOT", [T(BOOL, shape)], [T(BOOL, shape)], options_of("LOGICAL_NOT", {}))
        compare(model, *arrays_of(np.random.default_rng(2), BOOL, shape))


@needs_litert
def test_logical_operators_refuse_what_litert_refuses():
    assert "INT8" in both_refuse(binary("LOGICAL_OR", TensorType.INT8, (2,), (2,)), *np.ones((2, 2), np.int8))
    model = model_of("LOGICAL_NOT", [T(BOOL, (2,))], [T(TensorType.INT8, (2,))], options_of("LOGICAL_NOT", {}))
    assert "INT8" in both_refuse(model, np.ones(2, bool))
