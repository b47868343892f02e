"""SOFTMAX and LOG_SOFTMAX of the optimized kernels, and SOFTMAX of XNNPACK, against LiteRT."""

from __future__ import annotations

import numpy as np
import pytest
from oracle import assert_equals_litert, needs_litert, run_qref
from unary_models import random_scale, unary_model

from qref import ModelError
from qref.dispatch import bind
from qref.interpreter import Interpreter
from qref.ops.node import Prepared
from qref.ops.optimized.softmax import SoftmaxTablePlan, explain, softmax_by_table
from qref.ops.xnnpack.softmax import sum_in_lanes
from qref.schema import TensorType

INT8, UINT8, INT16, FLOAT32, FLOAT16 = (TensorType[n] for n in ("INT8", "UINT8", "INT16", "FLOAT32", "FLOAT16"))
SHAPES = [(1,), (7, 1), (2, 31), (5, 9), (2, 3, 10), (6, 18), (3, 127), (2, 128), (2, 300)]
PAIRS = [
    *((INT8, INT8, (2**-8, -128)), (UINT8, UINT8, (2**-8, 0)), (UINT8, UINT8, (0.005, 3))),
    *((INT8, INT16, (2**-16, -32768)), (UINT8, INT16, (2**-15, 0)), (INT16, INT16, (2**-15, 0))),
]


def softmax_model(x_type, y_type, shape, x, y, beta=1.0):
    return unary_model("SOFTMAX", x_type, shape, x, y, options=("SoftmaxOptions", {"beta": beta}), output_type=y_type)


@needs_litert
@pytest.mark.parametrize("kernel_set", ["optimized", "xnnpack"])
@pytest.mark.parametrize(("x_type", "y_type", "output"), PAIRS)
def test_softmax_of_integers_equals_litert(x_type, y_type, output, kernel_set):
    rng = np.random.default_rng(1)
    limits = np.iinfo(x_type.dtype)
    for shape in SHAPES:
        scale = random_scale(rng, 1e-5, 1e-2) if x_type == INT16 else random_scale(rng, 0.01, 0.4)
        x = rng.integers(limits.min, limits.max, shape, endpoint=True) // rng.choice([1, 4, 20])
        model = softmax_model(x_type, y_type, shape, (scale, 0), output, float(rng.choice([1, 0.5, 2])))
        assert_equals_litert(model, [{0: x.astype(x_type.dtype)}], kernel_set)


@needs_litert
@pytest.mark.parametrize("kernel_set", ["optimized", "xnnpack"])
@pytest.mark.parametrize("beta", [1.0, 0.5])
def test_softmax_of_float32_equals_litert(kernel_set, beta):
    rng = np.random.default_rng(2)
    for shape in SHAPES:
        for spread in (1, 10, 100):
            x = (rng.normal(size=shape) * spread).astype(np.float32)
            assert_equals_litert(softmax_model(FLOAT32, FLOAT32, shape, None, None, beta), [{0: x}], kernel_set)


@needs_litert
def test_softmax_of_xnnpack_takes_denormals_for_zeros():
    x = np.array([[1e-40, -1e-40, 3e-39, 0], [-np.inf, 1, 2, 3], [3e38, -3e38, 1, 1], [-87.4, -86.9, 0, -80]], np.float32)
    assert_equals_litert(softmax_model(FLOAT32, FLOAT32, x.shape, None, None), [{0: x}], "xnnpack")


@needs_litert
@pytest.mark.parametrize("beta", [0.0, -1.0])
def test_softmax_by_table_takes_any_beta(beta):
    x = np.arange(-10, 10, dtype=np.int8).reshape(2, 10)
    assert_equals_litert(softmax_model(INT8, INT8, x.shape, (0.1, 0), (2**-8, -128), beta), [{0: x}], "optimized")


@needs_litert
@pytest.mark.parametrize("type", [FLOAT32, INT8, UINT8])
def test_log_softmax_equals_litert(type):
    rng = np.random.default_rng(3)
    for shape in SHAPES:
        pairs = ((random_scale(rng, 0.01, 0.4), 7), (1 / 16, np.iinfo(type.dtype).max)) if type != FLOAT32 else ()
        x = rng.normal(size=shape) * 4 if type == FLOAT32 else rng.integers(0, 256, shape) // rng.choice([1, 4])
        assert_equals_litert(unary_model("LOG_SOFTMAX", type, shape, *pairs), [{0: x.astype(type.dtype)}], "optimized")


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int16])
def test_the_forms_of_softmax_by_table_agree(dtype):
    rng, dtype = np.random.default_rng(4), np.dtype(dtype)
    for scale in (2**-8, 2**-16, 0.01):
        table = np.exp(-np.float32(0.1) * np.arange(256, dtype=np.float32))
        plan = SoftmaxTablePlan(table, np.float32(scale), 0 if dtype == np.uint8 else int(np.iinfo(dtype).min), dtype)
        x = rng.integers(-128, 128, (6, 33)).astype(np.int8)
        y = softmax_by_table(x, plan)
        np.testing.assert_array_equal(bind(Prepared(softmax_by_table, plan), [None], "numba")(x), y)
        for element in ((0, 0), (3, 17), (5, 32)):
            assert explain(x, plan, element)[-1].value == y[element]


@pytest.mark.parametrize("lanes", [8, 16])
def test_softmax_of_xnnpack_sums_in_lanes(lanes):
    x = np.zeros((1, 8 * lanes + 3), np.float32)
    x[0, [0, 1, 1 + lanes // 2]] = 2**24, 1, 1  # the ones, in lanes that are added first, make a 2; alone each of them is lost
    assert sum_in_lanes(x, lanes)[0] == 2**24 + 2


@pytest.mark.parametrize("runtime", ["litert-optimized", "xnnpack"])
@pytest.mark.parametrize("shape", [(0, 3), (3, 0)])
def test_softmax_of_nothing_is_nothing(shape, runtime):
    for type, x, y in ((FLOAT32, None, None), (INT8, (0.1, 0), (2**-8, -128))):
        for kernels in ("numba", "numpy"):
            model = softmax_model(type, type, shape, x, y)
            assert run_qref(model, [{0: np.zeros(shape, type.dtype)}], kernels, runtime)[0][1].shape == shape


@pytest.mark.parametrize("output", [(1 / 255, -128), (2**-8, 0)])
def test_softmax_by_table_demands_the_quantization_of_its_output(output):
    model = softmax_model(INT8, INT8, (2, 3), (0.1, 0), output)
    with pytest.raises(ModelError, match="SOFTMAX needs"):
        Interpreter(model_content=model, runtime="litert-optimized").allocate_tensors()
