"""WHERE against LiteRT's reference kernels."""

import numpy as np
import pytest
from elementwise_models import arrays_of, options_of
from one_operator import T, both_refuse, compare, const, evaluate, model_of
from oracle import needs_litert

from qref.ops.where import TYPES
from qref.schema import GraphBuilder, TensorType

INT64 = TensorType.INT64


def where(operand):
    return model_of("WHERE", [operand], [T(INT64)], options_of("WHERE", {}))


@needs_litert
@pytest.mark.parametrize("type", TYPES)
def test_where_lists_coordinates_in_the_order_of_memory(type):
    rng = np.random.default_rng(1)
    for shape in ((7,), (3, 4), (2, 3, 1, 4)):
        (x,) = arrays_of(rng, type, shape)
        compare(where(T(type, shape)), (x * (rng.integers(0, 2, shape) > 0)).astype(x.dtype))


@needs_litert
def test_where_of_a_constant_counts_nan_but_not_negative_zero():
    model = where(const([[np.nan, 0.0], [-0.0, 1.0]], np.float32))
    compare(model)
    assert evaluate(model)[0].tolist() == [[0, 0], [1, 1]]


@needs_litert
def test_where_gives_the_shape_of_what_follows():
    graph = GraphBuilder()
    x = graph.input("x", TensorType.BOOL, (3, 4))
    y, z = graph.tensor("y", INT64), graph.tensor("z", INT64)
    graph.operator("WHERE", [x], [y], options_of("WHERE", {}))
    graph.operator("ADD", [y, y], [z], options_of("ADD", {}))
    rng = np.random.default_rng(2)
    model = graph.model(outputs=[z])
    compare(model, *arrays_of(rng, TensorType.BOOL, (3, 4)))


def test_where_nothing_holds_is_empty():
    (y,) = evaluate(where(T(TensorType.BOOL, (2, 3))), np.zeros((2, 3), bool))
    assert y.shape == (0, 2)
    assert y.dtype == np.int64


@needs_litert
def test_where_refuses_what_litert_refuses():
    assert "scalar" in both_refuse(where(T(TensorType.BOOL)), np.array(True))
    assert "INT16" in both_refuse(where(T(TensorType.INT16, (2,))), np.int16([1, 0]))
