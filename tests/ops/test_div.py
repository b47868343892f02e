"""DIV against LiteRT's reference kernels."""

import numpy as np
import pytest
from elementwise_models import RELU6, SHAPES, arrays_of, binary, quantizations, whole_range
from explanations import check_explanations
from one_operator import both_refuse, compare, evaluate
from oracle import needs_litert

from qref.ops.div import prepare
from qref.schema import TensorType

INT8, UINT8, INT16, INT32, FLOAT32 = TensorType.INT8, TensorType.UINT8, TensorType.INT16, TensorType.INT32, TensorType.FLOAT32


@needs_litert
@pytest.mark.parametrize("type", [INT8, UINT8, INT16])
def test_div_multiplies_by_a_reciprocal_of_31_bits(type):
    rng = np.random.default_rng(1)
    for number, (scales, zero_points) in enumerate(quantizations(rng, type, 20)):
        shapes = SHAPES[number % len(SHAPES)]
        x1, x2 = arrays_of(rng, type, *shapes)
        x2 = np.where(x2 == zero_points[1], x2 ^ 1, x2).astype(x2.dtype)
        compare(binary("DIV", type, *shapes, scales, zero_points, fused_activation_function=number % 4), x1, x2)


@needs_litert
@pytest.mark.parametrize("type", [INT8, UINT8, INT16])
def test_div_of_small_quotients_shifts_by_more_than_31_bits(type):
    rng = np.random.default_rng(2)
    for scales in ((0.01, 0.1, 5.0), (1e-3, 1.0, 1.0), (1e-6, 3.0, 0.7)):
        x1, x2 = arrays_of(rng, type, (1000,), (1000,))
        compare(binary("DIV", type, (1000,), (1000,), scales), x1, np.where(x2 == 0, 1, x2).astype(x2.dtype))


@pytest.mark.parametrize("type", [INT8, UINT8, INT16])
def test_div_explains_every_element(type):
    rng = np.random.default_rng(4)
    for scales, zero_points in [*quantizations(rng, type, 8), ((1e-6, 3.0, 0.7), (0, 0, 0))]:
        x1, x2 = arrays_of(rng, type, (20, 1), (1, 20))
        x2 = np.where(x2 == zero_points[1], x2 ^ 1, x2).astype(x2.dtype)
        check_explanations(binary("DIV", type, (20, 1), (1, 20), scales, zero_points), prepare, x1, x2)


@needs_litert
@pytest.mark.parametrize("type", [INT32, FLOAT32])
def test_div_of_plain_numbers(type):
    rng = np.random.default_rng(3)
    for number, shapes in enumerate(SHAPES):
        x1, x2 = (arrays_of if type == FLOAT32 else whole_range)(rng, type, *shapes)
        x2 = np.where(x2 == 0, 3, x2).astype(x2.dtype)
        compare(binary("DIV", type, *shapes, fused_activation_function=number % 4), x1, x2)


@needs_litert
def test_div_of_float32_by_zero_gives_the_greatest_number():
    model = binary("DIV", FLOAT32, (4,), (1,))
    x1, x2 = np.float32([1, -1, 2, np.inf]), np.float32([0])
    compare(model, x1, x2)
    assert evaluate(model, x1, x2)[0][0] == np.finfo(np.float32).max


@needs_litert
def test_div_of_int32_truncates_and_saturates():
    model = binary("DIV", INT32, (5,), (5,))
    x1, x2 = np.int32([-7, 7, -(2**31), 2**31 - 1, 6]), np.int32([2, -2, -1, 3, 6])
    compare(model, x1, x2)
    assert evaluate(model, x1, x2)[0].tolist() == [-3, -3, 2**31 - 1, 715827882, 1]


@needs_litert
@pytest.mark.parametrize(
    ("model", "x2"),
    [
        (binary("DIV", INT32, (2,), (2,)), np.int32([1, 0])),
        (binary("DIV", INT8, (2,), (2,), (0.1, 0.1, 0.1), (0, 5, 0)), np.int8([1, 5])),
        (binary("DIV", INT16, (2,), (2,), (0.1, 0.1, 0.1)), np.int16([0, 5])),
    ],
)
def test_div_by_zero_is_an_error(model, x2):
    assert "division by zero" in both_refuse(model, np.ones(2, x2.dtype), x2)


@needs_litert
@pytest.mark.parametrize(
    ("model", "message"),
    [
        (binary("DIV", FLOAT32, (2, 3), (4,)), "do not broadcast"),
        (binary("DIV", TensorType.INT64, (3,), (3,)), "INT64"),
        (binary("DIV", TensorType.FLOAT16, (3,), (3,), fused_activation_function=RELU6), "FLOAT16"),
    ],
)
def test_div_refuses_what_litert_refuses(model, message):
    tensors = model.subgraphs[0].tensors
    assert message in both_refuse(model, *(np.ones(t.shape, t.type.dtype) for t in tensors[:2]))
