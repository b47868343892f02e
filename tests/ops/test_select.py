"""SELECT and SELECT_V2 against LiteRT's reference kernels."""

import numpy as np
import pytest
from elementwise_models import arrays_of, options_of
from one_operator import T, both_refuse, compare, model_of
from oracle import needs_litert

from qref.schema import TensorType

BOOL, FLOAT32, INT8 = TensorType.BOOL, TensorType.FLOAT32, TensorType.INT8
TYPES = [t for t in TensorType if t.dtype is not None and t.bits in (8, 16, 32, 64) and t.name not in ("RESOURCE", "BFLOAT16")]


def select(name, condition, x, y, type=FLOAT32, output=(), types=None):
    first, second, third = types or (BOOL, type, type)
    return model_of(name, [T(first, condition), T(second, x), T(third, y)], [T(type, output)], options_of(name, {}))


def check(model):
    rng = np.random.default_rng(1)
    compare(model, *(arrays_of(rng, t.type, t.shape)[0] for t in model.subgraphs[0].tensors[:3]))


@needs_litert
@pytest.mark.parametrize("shapes", [((2, 3), (2, 3), (2, 3)), ((2,), (2, 3, 4), (2, 3, 4)), ((), (2, 3), (2, 3)), ((), (), ())])
def test_select_takes_a_condition_for_each_row(shapes):
    check(select("SELECT", *shapes))
    check(select("SELECT", *shapes, type=INT8))


@needs_litert
@pytest.mark.parametrize(
    "shapes", [((2, 1, 3), (4, 1), (1,)), ((3,), (2, 3), ()), ((2, 1, 2, 1, 2), (1, 3, 1, 3, 2), (1, 2)), ((5,), (5,), (5,))]
)
def test_select_v2_broadcasts_all_three(shapes):
    check(select("SELECT_V2", *shapes))


@needs_litert
@pytest.mark.parametrize("type", TYPES)
def test_select_v2_copies_any_type(type):
    check(select("SELECT_V2", (4, 1), (4, 5), (5,), type))


@needs_litert
@pytest.mark.parametrize("name", ["SELECT", "SELECT_V2"])
@pytest.mark.parametrize("output", [(), (1,), (1, 1, 1)])
def test_select_of_single_elements_keeps_the_declared_shape(name, output):
    check(select(name, (1, 1), (1,), (), output=output))


@needs_litert
@pytest.mark.parametrize(
    ("model", "message"),
    [
        (select("SELECT", (1,), (4,), (4,)), "the condition has shape"),
        (select("SELECT", (2, 2), (2, 3), (2, 3)), "the condition has shape"),
        (select("SELECT", (2,), (2, 2), (4,)), "SELECT_V2"),
        (select("SELECT_V2", (2,), (3,), (3,)), "do not broadcast"),
        (select("SELECT", (2,), (2,), (2,), types=(INT8, FLOAT32, FLOAT32)), "INT8"),
        (select("SELECT", (2,), (2,), (2,), types=(BOOL, FLOAT32, INT8)), "one type"),
        (select("SELECT_V2", (2,), (2,), (2,), TensorType.COMPLEX128), "COMPLEX128"),
    ],
)
def test_select_refuses_what_litert_refuses(model, message):
    assert message in both_refuse(model, *(np.ones(t.shape, t.type.dtype) for t in model.subgraphs[0].tensors[:3]))
