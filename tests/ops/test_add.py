"""ADD against LiteRT's reference kernels, on every type, and step by step."""

import numpy as np
import pytest
from elementwise_models import EMPTY, NONE, RELU, RELU6, RELU_N1_TO_1, SHAPES, arrays_of, binary, quantizations, whole_range
from explanations import check_explanations
from one_operator import both_refuse, compare, evaluate, refusal
from oracle import needs_litert

from qref.ops.add import prepare
from qref.schema import TensorType

INT8, UINT8, INT16, INT32, INT64 = TensorType.INT8, TensorType.UINT8, TensorType.INT16, TensorType.INT32, TensorType.INT64
FLOAT16, FLOAT32 = TensorType.FLOAT16, TensorType.FLOAT32


@needs_litert
@pytest.mark.parametrize("type", [INT8, UINT8, INT16])
def test_add_rescales_both_operands_to_twice_the_greater_scale(type):
    rng, compared = np.random.default_rng(1), 0
    for number, (scales, zero_points) in enumerate(quantizations(rng, type, 14)):
        shapes = SHAPES[number % len(SHAPES)]
        activation = number % 4
        model = binary("ADD", type, *shapes, scales, zero_points, fused_activation_function=activation, pot_scale_int16=False)
        compared += compare(model, *arrays_of(rng, type, *shapes))
    assert compared > 1000


@needs_litert
@pytest.mark.parametrize("activation", [NONE, RELU, RELU6, RELU_N1_TO_1])
def test_add_clamps_in_the_outputs_scale(activation):
    rng = np.random.default_rng(2)
    model = binary("ADD", INT8, (4, 500), (4, 500), (0.05, 0.06, 0.07), (-3, 4, 5), fused_activation_function=activation)
    compare(model, *arrays_of(rng, INT8, (4, 500), (4, 500)))


@needs_litert
@pytest.mark.parametrize(
    "scales", [(0.5, 0.5, 0.5), (0.25, 0.5, 0.5), (0.5, 2**-9, 0.5), (2**-14, 2**-30, 2**-14), (1, 2**-31, 1)]
)
def test_add_int16_with_powers_of_two_shifts_one_operand(scales):
    rng = np.random.default_rng(3)
    for activation in (NONE, RELU6):
        model = binary("ADD", INT16, (700,), (700,), scales, fused_activation_function=activation, pot_scale_int16=True)
        compare(model, *arrays_of(rng, INT16, (700,), (700,)))


@needs_litert
def test_add_int16_rescales_where_a_scale_is_no_power_of_two():
    model = binary("ADD", INT16, (500,), (500,), (0.25, 0.3, 0.5), pot_scale_int16=True)
    compare(model, *arrays_of(np.random.default_rng(4), INT16, (500,), (500,)))


@needs_litert
@pytest.mark.parametrize("type", [INT16, INT32, INT64])
def test_add_wraps_plain_integers_before_the_clamp(type):
    rng = np.random.default_rng(5)
    for number, shapes in enumerate(SHAPES):
        compare(binary("ADD", type, *shapes, fused_activation_function=number % 4), *whole_range(rng, type, *shapes))


@needs_litert
@pytest.mark.parametrize("type", [FLOAT16, FLOAT32])
def test_add_clamps_infinities_and_keeps_nan_and_the_sign_of_zero(type):
    rng = np.random.default_rng(6)
    special = np.array([np.inf, -np.inf, 0.0, -0.0, 6.5, -1.5, 6e4], type.dtype)
    for activation in (NONE, RELU, RELU6, RELU_N1_TO_1):
        model = binary("ADD", type, (7,), (7, 1), fused_activation_function=activation)
        compare(model, special, special.reshape(7, 1))
        for shapes in SHAPES:
            compare(binary("ADD", type, *shapes, fused_activation_function=activation), *arrays_of(rng, type, *shapes))


@pytest.mark.parametrize("type", [FLOAT32, INT8, INT32])
def test_add_of_nothing_is_nothing(type):
    (y,) = evaluate(binary("ADD", type, *EMPTY, (0.1, 0.2, 0.3)), *(np.zeros(shape, type.dtype) for shape in EMPTY))
    assert y.shape == (2, 0, 3)
    assert y.dtype == type.dtype


@needs_litert
def test_add_takes_its_output_type_from_its_inputs():
    model = binary("ADD", UINT8, (3, 4), (4,), (0.1, 0.2, 0.3), (1, 2, 3), output=FLOAT32)
    compare(model, *arrays_of(np.random.default_rng(7), UINT8, (3, 4), (4,)))


@pytest.mark.parametrize("type", [INT8, INT16])
def test_add_explains_every_element(type):
    rng = np.random.default_rng(8)
    for scales, zero_points in quantizations(rng, type, 8):
        model = binary("ADD", type, (5, 1), (1, 6), scales, zero_points, fused_activation_function=RELU6, pot_scale_int16=False)
        check_explanations(model, prepare, *arrays_of(rng, type, (5, 1), (1, 6)))


def test_add_saturates():
    model = binary("ADD", INT8, (2,), (2,), (0.1, 0.1, 0.1))
    (y,) = evaluate(model, np.int8([127, -128]), np.int8([127, -128]))
    assert y.tolist() == [127, -128]


@needs_litert
@pytest.mark.parametrize(
    ("model", "message"),
    [
        (binary("ADD", FLOAT32, (2, 3), (4,)), "do not broadcast"),
        (binary("ADD", INT8, (3,), (3,), (1.0, 1.0, 1e-9)), "another scale"),
        (binary("ADD", INT8, (3,), (3,), (1.0, 1.0, 2 / 2**20)), "another scale"),
        (binary("ADD", INT8, (3,), (3,)), "quantization parameters"),
        (binary("ADD", INT16, (3,), (3,), (0.1, 0.1, 0.1), (0, 1, 0)), "zero point 0"),
        (binary("ADD", INT16, (2, 3), (3,), (0.5, 0.5, 0.5), pot_scale_int16=True), "equal shapes"),
        (binary("ADD", INT16, (3,), (3,), (0.5, 0.5, 0.25), pot_scale_int16=True), "output's scale"),
        (binary("ADD", TensorType.UINT16, (3,), (3,)), "UINT16"),
        (binary("ADD", TensorType.BOOL, (3,), (3,)), "BOOL"),
    ],
)
def test_add_refuses_what_litert_refuses(model, message):
    shapes = [model.subgraphs[0].tensors[i].shape for i in (0, 1)]
    assert message in both_refuse(model, *(np.zeros(shape, model.subgraphs[0].tensors[0].type.dtype) for shape in shapes))


def test_add_refuses_shifts_that_c_does_not_define():
    model = binary("ADD", INT16, (3,), (3,), (1.0, 2.0**-32, 1.0), pot_scale_int16=True)
    assert "32 bits" in refusal(model, np.zeros(3, np.int16), np.zeros(3, np.int16))


def test_add_refuses_a_zero_point_that_its_type_does_not_hold():
    model = binary("ADD", INT8, (3,), (3,), (0.1, 0.1, 0.1), (0, 300, 0))
    assert "300" in refusal(model, np.zeros(3, np.int8), np.zeros(3, np.int8))
