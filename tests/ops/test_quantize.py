"""QUANTIZE against LiteRT's reference kernels."""

import numpy as np
import pytest
from elementwise_models import arrays_of, options_of, whole_range
from explanations import check_explanations
from one_operator import T, both_refuse, compare, const, evaluate, model_of, refusal
from oracle import needs_litert

from qref.ops.quantize import INTEGER_TYPES, PER_AXIS_TYPES, prepare
from qref.schema import GraphBuilder, TensorType

INT4, UINT4, INT8, UINT8 = TensorType.INT4, TensorType.UINT4, TensorType.INT8, TensorType.UINT8
INT16, INT32, FLOAT32 = TensorType.INT16, TensorType.INT32, TensorType.FLOAT32
PAIRS = [(x, y) for x, targets in INTEGER_TYPES.items() for y in targets]
SPECIAL = [0.05, -0.05, 0.15, 0.25, -0.25, 12.75, -12.85, 1e-40, 0.0, -0.0, 3e9, -3e9, 2.147483e8, np.inf, -np.inf]


def quantize(x, y):
    return model_of("QUANTIZE", [x], [y], options_of("QUANTIZE", {}))


@needs_litert
@pytest.mark.parametrize("type", [INT8, UINT8, INT16, INT4, UINT4])
def test_quantize_rounds_ties_away_from_zero(type):
    rng = np.random.default_rng(1)
    for scale, zero_point in ((0.5, 3), (0.1, 0), (0.02, 7), (0.03, 1), (0.37, 5)):
        steps = np.concatenate([np.arange(-600, 600) / 2, rng.normal(size=800) * 100])
        x = (steps * np.float32(scale)).astype(np.float32)
        compare(quantize(T(FLOAT32, x.shape), T(type, x.shape, scale, zero_point)), x)


@needs_litert
@pytest.mark.parametrize("type", [INT8, UINT8, INT16, INT4, UINT4])
@pytest.mark.parametrize("zero_point", [0, 5, -5])
def test_quantize_of_what_does_not_fit_in_32_bits(type, zero_point):
    compare(quantize(const([*SPECIAL, np.nan], np.float32), T(type, (16,), 0.1, zero_point)))


def per_axis(type, shape, axis, rng):
    graph = GraphBuilder()
    x = graph.input("x", FLOAT32, shape)
    scale, zero_point = rng.uniform(0.01, 0.1, shape[axis]), rng.integers(-9, 9, shape[axis])
    y = graph.tensor("y", type, shape, scale=scale, zero_point=zero_point, quantized_dimension=axis)
    graph.operator("QUANTIZE", [x], [y], options_of("QUANTIZE", {}))
    return graph.model(outputs=[y])


@needs_litert
@pytest.mark.parametrize("type", PER_AXIS_TYPES)
@pytest.mark.parametrize(("shape", "axis"), [((5, 40), 0), ((40, 5), 1), ((3, 4, 5, 6), 2), ((7,), 0)])
def test_quantize_per_axis(type, shape, axis):
    rng = np.random.default_rng(2)
    compare(per_axis(type, shape, axis, rng), *arrays_of(rng, FLOAT32, shape))


@needs_litert
@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_quantize_of_integers_rescales_twice_rounded(source, target):
    rng = np.random.default_rng(3)
    symmetric = source == target == INT16
    for scale_x, scale_y in ((0.5, 0.25), (0.25, 0.5), (0.1, 0.1), (0.02, 0.03), (0.04, 0.03), (1.0, 1e-9), (1e-9, 1.0)):
        zero_points = (0, 0) if symmetric else (int(rng.integers(-100, 100)) % 100, int(rng.integers(0, 100)))
        model = quantize(T(source, (900,), scale_x, zero_points[0]), T(target, (900,), scale_y, zero_points[1]))
        compare(model, *whole_range(rng, source, (900,)))


@needs_litert
@pytest.mark.parametrize(("source", "target"), [(INT8, UINT8), (UINT8, INT8)])
def test_quantize_between_signed_and_unsigned_moves_by_128(source, target):
    limits = np.iinfo(source.dtype)
    x = np.arange(limits.min, limits.max + 1).astype(source.dtype)
    zero_points = (-28, 100) if source == INT8 else (100, -28)
    model = quantize(T(source, (256,), 0.1, zero_points[0]), T(target, (256,), 0.1, zero_points[1]))
    compare(model, x)
    assert np.array_equal(evaluate(model, x)[0], (x.view(np.uint8) ^ 128).view(target.dtype))


def test_quantize_explains_every_element():
    rng = np.random.default_rng(4)
    x = np.float32([*SPECIAL, *rng.normal(size=20)])
    check_explanations(quantize(T(FLOAT32, x.shape), T(INT8, x.shape, 0.1, 3)), prepare, x)
    check_explanations(per_axis(INT8, (4, 5), 1, rng), prepare, *arrays_of(rng, FLOAT32, (4, 5)))
    for source, target in PAIRS:
        model = quantize(T(source, (30,), 0.3), T(target, (30,), 0.2))
        check_explanations(model, prepare, *whole_range(rng, source, (30,)))


def test_quantize_of_nothing_is_nothing():
    assert evaluate(quantize(T(FLOAT32, (0, 3)), T(INT8, (0, 3), 0.1)), np.zeros((0, 3), np.float32))[0].shape == (0, 3)
    assert evaluate(quantize(T(INT8, (0, 3), 0.1), T(INT8, (0, 3), 0.1)), np.zeros((0, 3), np.int8))[0].shape == (0, 3)


@needs_litert
@pytest.mark.parametrize(
    ("model", "message"),
    [
        (quantize(T(FLOAT32, (2,)), T(INT8, (2,))), "quantization parameters"),
        (quantize(T(FLOAT32, (2,)), T(INT32, (2,), 0.1)), "INT32"),
        (quantize(T(FLOAT32, (2,)), T(INT4, (2,), [0.1, 0.2])), "INT4"),
        (quantize(T(FLOAT32, (2,)), T(INT8, (2,), [0.1, 0.2, 0.3])), "3"),
        (quantize(T(INT8, (2,), 0.1), T(INT32, (2,), 0.1)), "INT32"),
        (quantize(T(INT16, (2,), 0.1, 1), T(INT16, (2,), 0.1)), "zero point 0"),
        (quantize(T(TensorType.INT64, (2,), 0.1), T(INT8, (2,), 0.1)), "INT64"),
    ],
)
def test_quantize_refuses_what_litert_refuses(model, message):
    x = model.subgraphs[0].tensors[0]
    assert message in both_refuse(model, np.ones(x.shape, x.type.dtype))


def test_quantize_of_integers_per_axis_is_refused():
    model = quantize(T(INT8, (2,), 0.1), T(INT8, (2,), [0.1, 0.2]))
    assert "expected one" in refusal(model, np.ones(2, np.int8))
