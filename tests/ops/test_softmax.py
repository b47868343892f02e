"""SOFTMAX and LOG_SOFTMAX against LiteRT."""

from __future__ import annotations

import numpy as np
import pytest
from oracle import assert_equals_litert, needs_litert, run_qref
from unary_models import random_scale, unary_model

from qref import ModelError
from qref.interpreter import Interpreter
from qref.schema import TensorType

INT8, UINT8, INT16, FLOAT32, FLOAT16 = (TensorType[n] for n in ("INT8", "UINT8", "INT16", "FLOAT32", "FLOAT16"))
PAIRS = [(INT8, INT8), (INT8, INT16), (UINT8, UINT8), (UINT8, INT16), (INT16, INT16), (FLOAT32, FLOAT32), (FLOAT16, FLOAT16)]
OUTPUT = {(INT8, INT8): (2**-8, -128), (UINT8, UINT8): (2**-8, 0), (INT16, INT16): (2**-15, 0)}
SHAPES = [(1,), (7, 1), (2, 31), (3, 100), (2, 3, 10), (2, 2, 3, 17), (1, 1, 2, 2, 5)]


def softmax_model(x_type, y_type, shape, scale=0.1, zero_point=0, beta=1.0, output=None, output_scale=2**-16):
    quantized = x_type in (INT8, UINT8, INT16)
    y = output or OUTPUT.get((x_type, y_type), (output_scale, -32768))
    options = ("SoftmaxOptions", {"beta": beta})
    pairs = ((scale, zero_point), y) if quantized else (None, None)
    return unary_model("SOFTMAX", x_type, shape, *pairs, options=options, output_type=y_type)


def rows(rng, type, shape, spread):
    if type in (FLOAT32, FLOAT16):
        return (rng.normal(size=shape) * spread).astype(type.dtype)
    limits = np.iinfo(type.dtype)
    return (rng.integers(limits.min, limits.max, shape, endpoint=True) // spread).astype(type.dtype)


@needs_litert
@pytest.mark.parametrize(("x_type", "y_type"), PAIRS)
@pytest.mark.parametrize("shape", SHAPES)
def test_softmax_equals_litert(x_type, y_type, shape):
    rng = np.random.default_rng(sum(shape))
    for draw in range(4):
        scale = random_scale(rng, 1e-5, 1e-2) if x_type == INT16 else random_scale(rng, 0.01, 0.4)
        beta = (1.0, 1.0, 0.5, float(rng.uniform(0.1, 3)))[draw]
        zero_point = 0 if x_type == INT16 else 100
        x = rows(rng, x_type, shape, (1, 3, 20, 5)[draw])
        assert_equals_litert(softmax_model(x_type, y_type, shape, scale, zero_point, beta), [{0: x}])


@needs_litert
@pytest.mark.parametrize(("x_type", "y_type"), [(INT8, INT8), (UINT8, UINT8), (INT8, INT16), (INT16, INT16)])
@pytest.mark.parametrize("depth", [255, 256, 400, 511])
def test_softmax_of_many_equal_values_equals_litert(x_type, y_type, depth):
    x = np.full((2, depth), 5, x_type.dtype)
    x[1, ::3] = 4
    assert_equals_litert(softmax_model(x_type, y_type, x.shape), [{0: x}])


@pytest.mark.parametrize("kernels", ["numba", "numpy"])
def test_softmax_of_so_many_values_that_litert_aborts_is_zero(kernels):
    y = run_qref(softmax_model(INT8, INT8, (1, 1000)), [{0: np.full((1, 1000), 5, np.int8)}], kernels)[0][1]
    np.testing.assert_array_equal(y, -128)


@needs_litert
@pytest.mark.parametrize("beta", [0.0, -1.0, 1e9])
@pytest.mark.parametrize("type", [FLOAT32, INT16])
def test_softmax_takes_any_beta_where_litert_does(type, beta):
    x = rows(np.random.default_rng(0), type, (3, 9), 3)
    assert_equals_litert(softmax_model(type, type, x.shape, 0.001, beta=beta), [{0: x}])


@pytest.mark.parametrize("beta", [0.0, -1.0, 1e-9, float("nan")])
def test_softmax_of_8_bits_refuses_a_beta_for_which_litert_aborts(beta):
    with pytest.raises(ModelError, match=r"beta|softmax needs"):
        Interpreter(model_content=softmax_model(INT8, INT8, (2, 3), beta=beta)).allocate_tensors()


@pytest.mark.parametrize(
    ("x_type", "y_type", "output"),
    [(INT8, INT8, (1 / 255, -128)), (INT8, INT8, (2**-8, 0)), (INT16, INT16, (2**-15, 1)), (INT16, INT16, (2**-14, 0))],
)
def test_softmax_demands_the_quantization_of_its_output(x_type, y_type, output):
    with pytest.raises(ModelError, match="SOFTMAX needs"):
        Interpreter(model_content=softmax_model(x_type, y_type, (2, 3), output=output)).allocate_tensors()


def test_softmax_of_int16_demands_the_input_zero_point_0():
    with pytest.raises(ModelError, match="zero point 3"):
        Interpreter(model_content=softmax_model(INT16, INT16, (2, 3), zero_point=3)).allocate_tensors()


@pytest.mark.parametrize(("x_type", "y_type"), [(INT8, UINT8), (UINT8, INT8), (INT16, INT8), (FLOAT32, FLOAT16)])
def test_softmax_refuses_other_pairs_of_types(x_type, y_type):
    with pytest.raises(ModelError, match="has type"):
        Interpreter(model_content=softmax_model(x_type, y_type, (2, 3))).allocate_tensors()


@pytest.mark.parametrize("name", ["SOFTMAX", "LOG_SOFTMAX"])
def test_softmax_needs_a_dimension(name):
    with pytest.raises(ModelError, match="no dimension"):
        Interpreter(model_content=unary_model(name, FLOAT32, ())).allocate_tensors()


@pytest.mark.parametrize(("x_type", "y_type"), PAIRS)
@pytest.mark.parametrize("shape", [(0, 3), (3, 0)])
def test_softmax_of_nothing_is_nothing(x_type, y_type, shape):
    for kernels in ("numba", "numpy"):
        y = run_qref(softmax_model(x_type, y_type, shape), [{0: np.zeros(shape, x_type.dtype)}], kernels)[0][1]
        assert (y.shape, y.dtype) == (shape, y_type.dtype)


@needs_litert
@pytest.mark.parametrize("type", [FLOAT32, INT8, UINT8])
@pytest.mark.parametrize("shape", SHAPES)
def test_log_softmax_equals_litert(type, shape):
    rng = np.random.default_rng(sum(shape))
    for draw in range(5):
        pairs = ((random_scale(rng, 0.01, 0.4), 7), (1 / 16, np.iinfo(type.dtype).max)) if type != FLOAT32 else ()
        assert_equals_litert(unary_model("LOG_SOFTMAX", type, shape, *pairs), [{0: rows(rng, type, shape, draw + 1)}])


@pytest.mark.parametrize("output", [(1 / 8, 127), (1 / 16, 126)])
def test_log_softmax_demands_the_quantization_of_its_output(output):
    with pytest.raises(ModelError, match="LOG_SOFTMAX needs"):
        Interpreter(model_content=unary_model("LOG_SOFTMAX", INT8, (2, 3), (0.1, 0), output)).allocate_tensors()
