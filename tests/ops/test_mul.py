"""MUL against LiteRT's reference kernels."""

import numpy as np
import pytest
from elementwise_models import EMPTY, NONE, RELU, RELU6, SHAPES, arrays_of, binary, quantizations, whole_range
from explanations import check_explanations
from one_operator import both_refuse, compare, evaluate, refusal
from oracle import needs_litert

from qref.ops.mul import prepare
from qref.schema import GraphBuilder, TensorType

INT8, UINT8, INT16, INT32, INT64 = TensorType.INT8, TensorType.UINT8, TensorType.INT16, TensorType.INT32, TensorType.INT64
UINT32, FLOAT16, FLOAT32, COMPLEX64 = TensorType.UINT32, TensorType.FLOAT16, TensorType.FLOAT32, TensorType.COMPLEX64


@needs_litert
@pytest.mark.parametrize("type", [INT8, UINT8, INT16])
def test_mul_rescales_the_product(type):
    rng = np.random.default_rng(1)
    for number, (scales, zero_points) in enumerate(quantizations(rng, type, 18)):
        shapes = SHAPES[number % len(SHAPES)]
        model = binary("MUL", type, *shapes, scales, zero_points, fused_activation_function=number % 4)
        compare(model, *arrays_of(rng, type, *shapes))


@needs_litert
@pytest.mark.parametrize("output_scale", [1e-3, 1e-7, 1e-12, 3e-35])
@pytest.mark.parametrize("type", [INT8, UINT8])
def test_mul_with_a_degenerate_output_scale_shifts_modulo_32(type, output_scale):
    rng = np.random.default_rng(2)
    model = binary("MUL", type, (400,), (400,), (0.05, 0.04, output_scale), (3, 4, 5))
    compare(model, *arrays_of(rng, type, (400,), (400,)))


@needs_litert
@pytest.mark.parametrize("output", [INT8, UINT8])
def test_mul_of_int16_fractions_into_8_bits(output):
    rng = np.random.default_rng(3)
    for activation in (NONE, RELU, RELU6):
        model = binary(
            "MUL", INT16, (600,), (600,), (2**-15, 2**-15, 1 / 16), (0, 0, 7), output, fused_activation_function=activation
        )
        compare(model, *whole_range(rng, INT16, (600,), (600,)))


@needs_litert
@pytest.mark.parametrize("type", [INT16, INT32, INT64, UINT32])
def test_mul_wraps_plain_integers_before_the_clamp(type):
    rng = np.random.default_rng(4)
    for number, shapes in enumerate(SHAPES):
        compare(binary("MUL", type, *shapes, fused_activation_function=number % 4), *whole_range(rng, type, *shapes))


@needs_litert
@pytest.mark.parametrize("type", [FLOAT16, FLOAT32])
def test_mul_of_plain_floats(type):
    rng = np.random.default_rng(5)
    special = np.array([np.inf, -np.inf, 0.0, -0.0, 6.5, -1.5, 6e4], type.dtype)
    for number, shapes in enumerate(SHAPES):
        compare(binary("MUL", type, *shapes, fused_activation_function=number % 4), *arrays_of(rng, type, *shapes))
    compare(binary("MUL", type, (7,), (7, 1)), special, special.reshape(7, 1))


@needs_litert
@pytest.mark.parametrize("shapes", [((2, 3, 1), (4,)), ((4,), (2, 3, 1))])
def test_mul_by_a_constant_that_is_broadcast_while_the_other_is_too(shapes):
    graph, arrays = GraphBuilder(), arrays_of(np.random.default_rng(4), FLOAT32, *shapes)
    constant = shapes.index((4,))
    inputs = [
        graph.constant(name, array) if number == constant else graph.input(name, FLOAT32, array.shape)
        for number, (name, array) in enumerate(zip("xy", arrays))
    ]
    y = graph.tensor("z", FLOAT32, (2, 3, 4))
    graph.operator("MUL", inputs, [y], ("MulOptions", {}))
    compare(graph.model(outputs=[y]), arrays[1 - constant])


@needs_litert
def test_mul_of_complex_numbers_follows_c_for_infinities():
    rng = np.random.default_rng(6)
    compare(binary("MUL", COMPLEX64, (40, 3), (3,)), *arrays_of(rng, COMPLEX64, (40, 3), (3,)))
    parts = np.float32([0, -0.0, 1, -2, np.inf, -np.inf, 3e38])
    values = np.empty(49, np.complex64)
    values.real, values.imag = np.repeat(parts, 7), np.tile(parts, 7)
    compare(binary("MUL", COMPLEX64, (49,), (49, 1)), values, values.reshape(49, 1))


@pytest.mark.parametrize("type", [INT8, UINT8, INT16])
def test_mul_explains_every_element(type):
    rng = np.random.default_rng(8)
    for scales, zero_points in quantizations(rng, type, 8):
        model = binary("MUL", type, (5, 1), (1, 6), scales, zero_points)
        check_explanations(model, prepare, *arrays_of(rng, type, (5, 1), (1, 6)))


def test_mul_of_nothing_is_nothing():
    (y,) = evaluate(binary("MUL", INT8, *EMPTY, (0.1, 0.2, 0.3)), *(np.zeros(shape, np.int8) for shape in EMPTY))
    assert y.shape == (2, 0, 3)


@needs_litert
@pytest.mark.parametrize(
    ("model", "message"),
    [
        (binary("MUL", FLOAT32, (2, 3), (4,)), "do not broadcast"),
        (binary("MUL", FLOAT32, (3,), (3,), output=INT8), "INT8"),
        (binary("MUL", INT8, (3,), (3,), (0.1, 0.1, 0.1), output=INT16), "INT16"),
        (binary("MUL", INT16, (2, 3), (3,), (0.1, 0.1, 0.1), output=INT8), "does not broadcast"),
        (binary("MUL", INT16, (3,), (3,), (0.1, 0.1, 0.1), (0, 1, 0)), "zero point 0"),
        (binary("MUL", COMPLEX64, (3,), (3,), fused_activation_function=RELU), "activation"),
        (binary("MUL", TensorType.UINT16, (3,), (3,)), "UINT16"),
    ],
)
def test_mul_refuses_what_litert_refuses(model, message):
    tensors = model.subgraphs[0].tensors
    assert message in both_refuse(model, *(np.zeros(t.shape, t.type.dtype) for t in tensors[:2]))


def test_mul_refuses_an_output_of_another_type():
    model = binary("MUL", INT32, (3,), (3,), output=FLOAT32)
    assert "FLOAT32" in refusal(model, np.zeros(3, np.int32), np.zeros(3, np.int32))
