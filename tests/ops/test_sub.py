"""SUB against LiteRT's reference kernels."""

import numpy as np
import pytest
from elementwise_models import EMPTY, NONE, RELU6, SHAPES, arrays_of, binary, quantizations, whole_range
from explanations import check_explanations
from one_operator import both_refuse, compare, evaluate, refusal
from oracle import needs_litert

from qref.ops.sub import prepare
from qref.schema import TensorType

INT8, UINT8, INT16, INT32, INT64 = TensorType.INT8, TensorType.UINT8, TensorType.INT16, TensorType.INT32, TensorType.INT64
FLOAT32 = TensorType.FLOAT32


@needs_litert
@pytest.mark.parametrize("type", [INT8, UINT8, INT16])
def test_sub_rescales_both_operands_to_twice_the_greater_scale(type):
    rng = np.random.default_rng(1)
    for number, (scales, zero_points) in enumerate(quantizations(rng, type, 14)):
        shapes = SHAPES[number % len(SHAPES)]
        fields = {"fused_activation_function": number % 4, "pot_scale_int16": False}
        compare(binary("SUB", type, *shapes, scales, zero_points, **fields), *arrays_of(rng, type, *shapes))


@needs_litert
@pytest.mark.parametrize(
    "scales", [(0.5, 0.5, 0.5), (0.25, 0.5, 0.5), (0.5, 2**-9, 0.5), (2**-14, 2**-30, 2**-14), (1, 2**-31, 1)]
)
@pytest.mark.parametrize("shapes", [((700,), (700,)), ((20, 30), (30,))])
def test_sub_int16_with_powers_of_two_shifts_one_operand_and_broadcasts(scales, shapes):
    rng = np.random.default_rng(3)
    for activation in (NONE, RELU6):
        model = binary("SUB", INT16, *shapes, scales, fused_activation_function=activation, pot_scale_int16=True)
        compare(model, *arrays_of(rng, INT16, *shapes))


@needs_litert
@pytest.mark.parametrize("output_scale", [1e-6, 1.8e-6])
def test_sub_gives_only_signs_where_the_output_scale_is_tiny(output_scale):
    rng = np.random.default_rng(4)
    model = binary("SUB", INT8, (300,), (300,), (1.0, 0.5, output_scale), (3, 4, 5))
    x1, x2 = arrays_of(rng, INT8, (300,), (300,))
    compare(model, x1, x2)
    assert set(evaluate(model, x1, x2)[0].tolist()) == {4, 6}
    check_explanations(model, prepare, x1[:50], x2[:50])


@needs_litert
@pytest.mark.parametrize("type", [INT32, INT64, FLOAT32])
def test_sub_of_plain_numbers(type):
    rng = np.random.default_rng(5)
    draw = arrays_of if type == FLOAT32 else whole_range
    for number, shapes in enumerate(SHAPES):
        compare(binary("SUB", type, *shapes, fused_activation_function=number % 4), *draw(rng, type, *shapes))


@pytest.mark.parametrize("type", [INT8, UINT8])
def test_sub_explains_every_element(type):
    rng = np.random.default_rng(8)
    for scales, zero_points in quantizations(rng, type, 8):
        model = binary("SUB", type, (5, 1), (1, 6), scales, zero_points)
        check_explanations(model, prepare, *arrays_of(rng, type, (5, 1), (1, 6)))


def test_sub_of_nothing_is_nothing():
    (y,) = evaluate(binary("SUB", INT8, *EMPTY, (0.1, 0.2, 0.3)), *(np.zeros(shape, np.int8) for shape in EMPTY))
    assert y.shape == (2, 0, 3)


@needs_litert
@pytest.mark.parametrize(
    ("model", "message"),
    [
        (binary("SUB", FLOAT32, (2, 3), (4,)), "do not broadcast"),
        (binary("SUB", INT8, (3,), (3,), (1.0, 1.0, 2 / 2**20)), "another scale"),
        (binary("SUB", INT8, (3,), (3,), (0.1, 0.1, 0.1), (0, 300, 0)), "300"),
        (binary("SUB", INT16, (3,), (3,)), "quantization parameters"),
        (binary("SUB", INT16, (3,), (3,), (0.1, 0.1, 0.1), (1, 0, 0)), "zero point 0"),
        (binary("SUB", TensorType.FLOAT16, (3,), (3,)), "FLOAT16"),
    ],
)
def test_sub_refuses_what_litert_refuses(model, message):
    tensors = model.subgraphs[0].tensors
    assert message in both_refuse(model, *(np.zeros(t.shape, t.type.dtype) for t in tensors[:2]))


def test_sub_refuses_an_output_scale_for_which_litert_has_no_one_result():
    model = binary("SUB", INT8, (3,), (3,), (1.0, 0.5, 1e-9))
    assert "(1, 2)" in refusal(model, np.zeros(3, np.int8), np.zeros(3, np.int8))
