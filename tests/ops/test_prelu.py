"""PRELU against LiteRT's reference kernels."""

import numpy as np
import pytest
from elementwise_models import SHAPES, arrays_of, binary, quantizations
from explanations import check_explanations
from one_operator import T, both_refuse, compare, const, evaluate, model_of
from oracle import needs_litert

from qref.ops.prelu import prepare
from qref.schema import TensorType

INT8, UINT8, INT16, FLOAT32 = TensorType.INT8, TensorType.UINT8, TensorType.INT16, TensorType.FLOAT32
WIDER_FIRST = [SHAPES[0], SHAPES[1], ((2, 5, 6), (5, 1)), ((2, 3, 4, 5), ()), ((2, 2, 2, 3, 5), (3, 5))]


@needs_litert
@pytest.mark.parametrize("type", [INT8, UINT8, INT16])
def test_prelu_multiplies_negative_values_by_alpha(type):
    rng = np.random.default_rng(1)
    for number, (scales, zero_points) in enumerate(quantizations(rng, type, 20)):
        shapes = WIDER_FIRST[number % len(WIDER_FIRST)]
        compare(binary("PRELU", type, *shapes, scales, zero_points), *arrays_of(rng, type, *shapes))


@needs_litert
def test_prelu_of_int16_takes_alpha_of_8_bits():
    rng = np.random.default_rng(2)
    for alpha_shape in ((300,), (1,), ()):
        alpha = T(INT8, alpha_shape, 0.2, -7)
        model = model_of("PRELU", [T(INT16, (4, 300), 0.1, 100), alpha], [T(INT16, (), 0.3, 30)])
        compare(model, *arrays_of(rng, INT16, (4, 300)), *arrays_of(rng, INT8, alpha_shape))


@needs_litert
def test_prelu_of_int16_reads_half_the_bytes_of_an_int16_alpha():
    x, alpha = np.int16([-100, -100, -100, -100]), np.int16([0x0102, 0x0304, -2, 5])
    model = binary("PRELU", INT16, (4,), (4,), (0.1, 1.0, 0.1))
    compare(model, x, alpha)
    assert evaluate(model, x, alpha)[0].tolist() == [-200, -100, -400, -300]


@needs_litert
def test_prelu_of_float32():
    rng = np.random.default_rng(3)
    for shapes in WIDER_FIRST:
        compare(binary("PRELU", FLOAT32, *shapes), *arrays_of(rng, FLOAT32, *shapes))
    constants = [const([np.nan, -0.0, 0.0, -np.inf, -1], np.float32), const([2, 2, 2, 0, np.nan], np.float32)]
    compare(model_of("PRELU", constants, [T(FLOAT32, (5,))]))


@pytest.mark.parametrize("type", [INT8, UINT8, INT16])
def test_prelu_explains_every_element(type):
    rng = np.random.default_rng(4)
    for scales, zero_points in quantizations(rng, type, 8):
        model = binary("PRELU", type, (5, 6), (6,), scales, zero_points)
        check_explanations(model, prepare, *arrays_of(rng, type, (5, 6), (6,)))


@needs_litert
def test_prelu_refuses_what_litert_refuses():
    model = binary("PRELU", FLOAT32, (2,), (3, 2))
    assert "expected [2]" in both_refuse(model, np.ones(2, np.float32), np.ones((3, 2), np.float32))
    assert "INT32" in both_refuse(binary("PRELU", TensorType.INT32, (2,), (2,)), *np.ones((2, 2), np.int32))
