"""Functions of one float operand, and of plain integers, against LiteRT."""

from __future__ import annotations

import numpy as np
import pytest
from oracle import assert_equals_litert, needs_litert, run_qref
from unary_models import every_float16, unary_model

from qref import ModelError
from qref.interpreter import Interpreter
from qref.schema import TensorType

FLOAT32 = [
    *("SQUARE", "SIN", "COS", "FLOOR", "ABS", "NEG", "SIGN", "EXP", "LOG", "SQRT", "RSQRT"),
    *("LOGISTIC", "TANH", "GELU", "LEAKY_RELU", "HARD_SWISH"),
]
FLOAT16 = ["SIN", "COS", "FLOOR", "NEG", "LOGISTIC", "TANH", "GELU"]
OPTIMIZED_ONLY = ("CEIL", "ROUND", "ELU")
SPECIAL = [0.0, -0.0, np.inf, -np.inf, 1e-40, -1e-40, 0.5, -0.5, 1.5, 2.5, -2.5, 100, -100, 3e38, -3e38, 16.619047, -9.0]


def floats(seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    drawn = [rng.normal(size=3000) * 3, rng.uniform(-40, 40, 2000), rng.uniform(-1, 1, 500)]
    return np.concatenate([*drawn, SPECIAL]).astype(np.float32)


@needs_litert
@pytest.mark.parametrize("name", FLOAT32)
def test_float32_functions_equal_litert(name):
    x = floats()
    assert_equals_litert(unary_model(name, TensorType.FLOAT32, (x.size,)), [{0: x}])


@needs_litert
@pytest.mark.parametrize("name", FLOAT16)
def test_float16_functions_equal_litert_for_every_input(name):
    x = every_float16()
    assert_equals_litert(unary_model(name, TensorType.FLOAT16, (x.size,)), [{0: x}])


@needs_litert
@pytest.mark.parametrize("name", OPTIMIZED_ONLY)
def test_functions_that_the_reference_lacks_equal_the_optimized_kernels(name):
    x = floats()
    assert_equals_litert(unary_model(name, TensorType.FLOAT32, (x.size,)), [{0: x}], "optimized")


@needs_litert
def test_round_of_float16_equals_the_optimized_kernel():
    x = every_float16()
    assert_equals_litert(unary_model("ROUND", TensorType.FLOAT16, (x.size,)), [{0: x}], "optimized")


@needs_litert
@pytest.mark.parametrize("type", [TensorType.FLOAT32, TensorType.FLOAT16])
def test_approximate_gelu_equals_litert(type):
    x = floats() if type == TensorType.FLOAT32 else every_float16()
    assert_equals_litert(unary_model("GELU", type, x.shape, options=("GeluOptions", {"approximate": True})), [{0: x}])


@needs_litert
@pytest.mark.parametrize("rest", [0, 1, 2, 3])
def test_gelu_takes_the_c_library_for_the_last_elements(rest):
    x = floats()[: 40 + rest]
    assert_equals_litert(unary_model("GELU", TensorType.FLOAT32, (1, x.size)), [{0: x[None]}])


@needs_litert
@pytest.mark.parametrize(
    ("name", "type"),
    [
        *(("ABS", type) for type in (TensorType.INT16, TensorType.INT32)),
        *(("NEG", type) for type in (TensorType.INT8, TensorType.INT16, TensorType.INT32, TensorType.INT64)),
    ],
)
def test_the_least_integer_has_no_positive_and_stays(name, type):
    limits = np.iinfo(type.dtype)
    x = np.array([limits.min, limits.max, 0, 1, -1], type.dtype)
    model = unary_model(name, type, x.shape)
    assert_equals_litert(model, [{0: x}])
    assert run_qref(model, [{0: x}], "numpy")[0][1][0] == limits.min


@needs_litert
@pytest.mark.parametrize("type", [TensorType.INT32, TensorType.FLOAT64])
def test_sign_equals_litert(type):
    x = np.array([-5, 0, 7, 1, -1], type.dtype)
    assert_equals_litert(unary_model("SIGN", type, x.shape), [{0: x}])


@pytest.mark.parametrize("name", [*FLOAT32, *OPTIMIZED_ONLY])
@pytest.mark.parametrize("shape", [(), (0,), (2, 0, 3), (1, 2, 1, 2, 1)])
def test_functions_keep_the_shape_and_return_a_new_array(name, shape):
    x = np.full(shape, 2.5, np.float32)
    for kernels in ("numba", "numpy"):
        y = run_qref(unary_model(name, TensorType.FLOAT32, shape), [{0: x}], kernels)[0][1]
        assert (y.shape, y.dtype) == (shape, np.float32)
        assert not np.shares_memory(x, y)


@pytest.mark.parametrize(
    ("name", "type"),
    [("SQUARE", TensorType.INT32), ("SIN", TensorType.FLOAT64), ("ABS", TensorType.UINT8), ("LOG", TensorType.UINT8)],
)
def test_types_that_litert_refuses_are_refused(name, type):
    quantization = (0.1, 0) if type == TensorType.UINT8 else None
    with pytest.raises(ModelError, match=f"{name}.* has type {type.name}"):
        Interpreter(model_content=unary_model(name, type, (2,), quantization, quantization)).allocate_tensors()


def test_an_output_of_another_type_is_refused():
    model = unary_model("EXP", TensorType.FLOAT32, (2,), output_type=TensorType.FLOAT16)
    with pytest.raises(ModelError, match="expected FLOAT32"):
        Interpreter(model_content=model).allocate_tensors()
