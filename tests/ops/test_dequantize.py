"""DEQUANTIZE against LiteRT's reference kernels."""

import numpy as np
import pytest
from elementwise_models import arrays_of, options_of, whole_range
from explanations import check_explanations
from one_operator import T, both_refuse, compare, model_of, refusal
from oracle import needs_litert

from qref.ops.dequantize import PER_AXIS_TYPES, prepare
from qref.schema import GraphBuilder, TensorType

INT4, UINT4, INT2 = TensorType.INT4, TensorType.UINT4, TensorType.INT2
INT8, UINT8, INT16, FLOAT16, FLOAT32 = (getattr(TensorType, n) for n in ("INT8", "UINT8", "INT16", "FLOAT16", "FLOAT32"))
NARROW = {INT4: (-8, 7), UINT4: (0, 15), INT2: (-2, 1)}


def dequantize(x):
    return model_of("DEQUANTIZE", [x], [T(FLOAT32)], options_of("DEQUANTIZE", {}))


def values(rng, type, shape):
    if type in NARROW:
        return rng.integers(*NARROW[type], shape, endpoint=True).astype(type.dtype)
    return whole_range(rng, type, shape)[0]


@needs_litert
@pytest.mark.parametrize("type", [INT8, UINT8, INT16])
def test_dequantize_rounds_once(type):
    rng = np.random.default_rng(1)
    for scale, zero_point in ((0.1, 3), (0.02, 0), (1 / 3, 100), (1e-38, 1), (1e38, 5)):
        compare(dequantize(T(type, (500,), scale, 0 if type == INT16 else zero_point)), values(rng, type, (500,)))


@needs_litert
@pytest.mark.parametrize("type", NARROW)
def test_dequantize_of_4_and_2_bits(type):
    rng = np.random.default_rng(2)
    for shape in ((4, 5), (7,)):
        compare(dequantize(T(type, shape, 0.3, 1, values(rng, type, shape))))


@needs_litert
@pytest.mark.parametrize("type", PER_AXIS_TYPES)
@pytest.mark.parametrize(("shape", "axis"), [((5, 40), 0), ((40, 5), 1), ((3, 4, 5, 6), 2)])
def test_dequantize_per_axis(type, shape, axis):
    rng, graph = np.random.default_rng(3), GraphBuilder()
    constants = {"scale": rng.uniform(0.01, 0.1, shape[axis]), "zero_point": rng.integers(0, 3, shape[axis])}
    x = graph.constant("x", values(rng, type, shape), type, **constants, quantized_dimension=axis)
    y = graph.tensor("y", FLOAT32, shape)
    graph.operator("DEQUANTIZE", [x], [y], options_of("DEQUANTIZE", {}))
    compare(graph.model(outputs=[y]))


@needs_litert
def test_dequantize_of_float16_widens_exactly():
    x = np.arange(0, 2**16, 3, dtype=np.uint16).view(np.float16)
    finite = x[np.isfinite(x)]
    compare(dequantize(T(FLOAT16, finite.shape)), finite)
    compare(dequantize(T(FLOAT16, x.shape, value=x)))


def test_dequantize_explains_every_element():
    rng = np.random.default_rng(4)
    for type in (INT8, UINT8, INT16):
        check_explanations(dequantize(T(type, (40,), 0.3, 0 if type == INT16 else 7)), prepare, values(rng, type, (40,)))


@needs_litert
@pytest.mark.parametrize(
    ("model", "message"),
    [
        (dequantize(T(TensorType.INT32, (2,), 0.1)), "INT32"),
        (dequantize(T(FLOAT32, (2,))), "FLOAT32"),
        (dequantize(T(INT16, (2,), 0.1, 3)), "zero point 0"),
        (dequantize(T(INT16, (2,), [0.1, 0.2])), "INT16"),
        (dequantize(T(INT8, (2,), [0.1, 0.2, 0.3])), "3"),
    ],
)
def test_dequantize_refuses_what_litert_refuses(model, message):
    x = model.subgraphs[0].tensors[0]
    assert message in both_refuse(model, np.ones(x.shape, x.type.dtype))


def test_dequantize_without_quantization_is_refused():
    assert "quantization parameters" in refusal(dequantize(T(INT8, (2,))), *arrays_of(np.random.default_rng(5), INT8, (2,)))
