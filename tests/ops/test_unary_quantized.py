"""Functions of one quantized operand, on every value of its type, against LiteRT."""

from __future__ import annotations

import numpy as np
import pytest
from oracle import assert_equals_litert, needs_litert, run_qref
from unary_models import every_value, random_scale, unary_model

from qref import InputError, ModelError
from qref.interpreter import Interpreter
from qref.schema import TensorType

INT8, UINT8, INT16, FLOAT32 = TensorType.INT8, TensorType.UINT8, TensorType.INT16, TensorType.FLOAT32
TYPES = {
    "ABS": (INT8, INT16),
    "EXP": (INT8, INT16),
    "LOG": (INT8, INT16),
    "SQRT": (INT8, INT16),
    "RSQRT": (INT8, INT16),
    "LOGISTIC": (INT8, UINT8, INT16),
    "TANH": (INT8, UINT8, INT16),
    "GELU": (INT8, UINT8, INT16),
    "ELU": (INT8,),
}
CASES = [(name, type) for name, types in TYPES.items() for type in types]


def drawn_model(name: str, type: TensorType, draw: int):
    """A model with drawn scales and zero points, the first of them at the ends, and all inputs that the operator takes."""
    rng, limits = np.random.default_rng([draw, int(type), *name.encode()]), np.iinfo(type.dtype)
    ends = (limits.min, limits.max) if draw == 0 else rng.integers(limits.min, limits.max, 2, endpoint=True).tolist()
    zero_points = (0, 0) if type == INT16 else ends
    size = 256 if type == INT16 else 1
    x_scale, y_scale = (random_scale(rng, 0.003 / size, 0.3 / size) for _ in range(2))
    y_zero_point = zero_points[1]
    if name == "ABS" and draw % 2:
        y_scale = x_scale
    if name == "LOGISTIC":
        y_scale = 2**-15 if type == INT16 else 2**-8
    if name == "TANH" and type == INT16:
        y_scale = 2**-15
    if name in ("LOGISTIC", "TANH") and type == INT16:
        x_scale = (2**-12, 2**-11, 2**-13, random_scale(rng, 1e-5, 1e-2))[draw % 4]
    x = every_value(type.dtype)
    if name in ("SQRT", "RSQRT"):
        x = x[x >= zero_points[0]]
    options = ("GeluOptions", {"approximate": bool(draw % 2)}) if name == "GELU" else None
    return unary_model(name, type, x.shape, (x_scale, zero_points[0]), (y_scale, y_zero_point), options=options), x


@needs_litert
@pytest.mark.parametrize(("name", "type"), CASES)
def test_quantized_functions_equal_litert(name, type):
    for draw in range(6 if type == INT16 else 12):
        model, x = drawn_model(name, type, draw)
        assert_equals_litert(model, [{0: x}], "optimized" if name == "ELU" else "reference")


@pytest.mark.parametrize(("name", "type"), CASES)
@pytest.mark.parametrize("shape", [(), (0, 2), (2, 1, 3)])
def test_quantized_functions_keep_the_shape(name, type, shape):
    y_scale = {"LOGISTIC": 2**-15 if type == INT16 else 2**-8, "TANH": 2**-15}.get(name, 0.01)
    model = unary_model(name, type, shape, (0.01, 0), (y_scale, 0))
    for kernels in ("numba", "numpy"):
        y = run_qref(model, [{0: np.full(shape, 3, type.dtype)}], kernels)[0][1]
        assert (y.shape, y.dtype) == (shape, type.dtype)


@pytest.mark.parametrize("name", ["SQRT", "RSQRT"])
@pytest.mark.parametrize("type", [INT8, INT16])
@pytest.mark.parametrize("kernels", ["numba", "numpy"])
def test_roots_of_negative_values_are_an_input_error(name, type, kernels):
    model = unary_model(name, type, (3,), (0.01, 0), (0.01, 0))
    with pytest.raises(InputError, match="at least 0"):
        run_qref(model, [{0: np.array([4, -1, 5], type.dtype)}], kernels)


@pytest.mark.parametrize("name", ["ABS", "EXP", "LOG", "SQRT", "RSQRT", "LOGISTIC", "TANH"])
@pytest.mark.parametrize("zero_points", [(3, 0), (0, 3)])
def test_int16_needs_zero_points_0(name, zero_points):
    y_scale = 2**-15 if name in ("LOGISTIC", "TANH") else 0.01
    model = unary_model(name, INT16, (3,), (0.01, zero_points[0]), (y_scale, zero_points[1]))
    with pytest.raises(ModelError, match="zero point"):
        Interpreter(model_content=model).allocate_tensors()


@pytest.mark.parametrize(
    ("name", "type", "scale"), [("LOGISTIC", INT8, 1 / 255), ("LOGISTIC", INT16, 2**-14), ("TANH", INT16, 2**-14)]
)
def test_sigmoids_demand_the_scale_of_their_output(name, type, scale):
    with pytest.raises(ModelError, match="has the scale"):
        Interpreter(model_content=unary_model(name, type, (3,), (0.01, 0), (scale, 0))).allocate_tensors()


@pytest.mark.parametrize("name", TYPES)
def test_tensors_without_quantization_are_refused(name):
    with pytest.raises(ModelError, match="no quantization parameters"):
        Interpreter(model_content=unary_model(name, INT8, (3,))).allocate_tensors()


@needs_litert
def test_int16_abs_without_quantization_is_plain():
    x = every_value(np.int16)
    assert_equals_litert(unary_model("ABS", INT16, x.shape), [{0: x}])


@needs_litert
@pytest.mark.parametrize("type", [INT8, UINT8])
@pytest.mark.parametrize("scales", [(1e3, 1e-9), (1e3, 1e-3), (0.1, 1e-12), (1e30, 1e-7)])
def test_results_beyond_32_bits_saturate_in_int8_and_vanish_in_uint8_as_in_litert(type, scales):
    x = every_value(type.dtype)
    assert_equals_litert(unary_model("GELU", type, x.shape, (scales[0], 0), (scales[1], 0)), [{0: x}])
