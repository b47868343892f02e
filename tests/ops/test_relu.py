"""RELU and its kin, LEAKY_RELU, HARD_SWISH against LiteRT."""

from __future__ import annotations

import numpy as np
import pytest
from oracle import assert_equals_litert, needs_litert, run_qref
from unary_models import every_value, random_scale, unary_model

from qref import ModelError
from qref.arithmetic.requantize import DoubleRounding
from qref.interpreter import Interpreter
from qref.ops import _relu, leaky_relu
from qref.schema import TensorType

INT8, UINT8, INT16, FLOAT32 = TensorType.INT8, TensorType.UINT8, TensorType.INT16, TensorType.FLOAT32
TYPES = {
    "RELU": (INT8, UINT8, INT16),
    "RELU6": (INT8, UINT8, INT16),
    "RELU_N1_TO_1": (INT8, UINT8),
    "RELU_0_TO_1": (INT8, UINT8),
    "LEAKY_RELU": (INT8, UINT8, INT16),
    "HARD_SWISH": (INT8, UINT8),
}
CASES = [(name, type) for name, types in TYPES.items() for type in types]
ALPHAS = (0.1, -0.3, 0.0, 2.0, 0.25)


def alpha(value: float):
    return ("LeakyReluOptions", {"alpha": value})


@needs_litert
@pytest.mark.parametrize("name", ["RELU", "RELU6", "RELU_N1_TO_1", "RELU_0_TO_1", "HARD_SWISH", "LEAKY_RELU"])
def test_float32_activations_equal_litert(name):
    x = np.append(np.random.default_rng(0).normal(size=999) * 4, [0.0, -0.0, np.inf, -np.inf, 6, -1, -3, 1e-40]).astype(
        np.float32
    )
    assert_equals_litert(unary_model(name, FLOAT32, x.shape), [{0: x}])


@needs_litert
@pytest.mark.parametrize(("name", "type"), CASES)
def test_quantized_activations_equal_litert(name, type):
    rng, limits, x = np.random.default_rng(len(name)), np.iinfo(type.dtype), every_value(type.dtype)
    for draw in range(6 if type == INT16 else 15):
        size = 256 if type == INT16 else 1
        zero_points = [0, 0] if type == INT16 else rng.integers(limits.min, limits.max, 2, endpoint=True).tolist()
        if draw == 0 and type != INT16:
            zero_points = [limits.max, limits.min]
        x_scale, y_scale = (random_scale(rng, 0.003 / size, 0.3 / size) for _ in range(2))
        if draw % 4 == 1:
            y_scale = x_scale
        if name == "HARD_SWISH":
            y_scale = max(y_scale, x_scale / 100)
        options = alpha(ALPHAS[draw % len(ALPHAS)]) if name == "LEAKY_RELU" else None
        pairs = zip((x_scale, y_scale), zero_points)
        assert_equals_litert(unary_model(name, type, x.shape, *pairs, options=options), [{0: x}])


@pytest.mark.parametrize(("name", "type"), CASES)
@pytest.mark.parametrize("shape", [(), (0, 2), (2, 1, 3)])
def test_activations_keep_the_shape(name, type, shape):
    for kernels in ("numba", "numpy"):
        y = run_qref(unary_model(name, type, shape, (0.1, 0), (0.1, 0)), [{0: np.full(shape, 3, type.dtype)}], kernels)[0][1]
        assert (y.shape, y.dtype) == (shape, type.dtype)


@pytest.mark.parametrize("name", ["RELU_N1_TO_1", "RELU_0_TO_1", "HARD_SWISH"])
def test_activations_without_an_int16_form_refuse_it(name):
    with pytest.raises(ModelError, match="has type INT16"):
        Interpreter(model_content=unary_model(name, INT16, (2,), (0.1, 0), (0.1, 0))).allocate_tensors()


@pytest.mark.parametrize("name", ["RELU", "RELU6", "LEAKY_RELU"])
def test_int16_activations_need_zero_points_0(name):
    with pytest.raises(ModelError, match="zero point 5"):
        Interpreter(model_content=unary_model(name, INT16, (2,), (0.1, 5), (0.1, 0))).allocate_tensors()


def test_hard_swish_refuses_an_output_scale_128_times_finer():
    with pytest.raises(ModelError, match="128 times"):
        Interpreter(model_content=unary_model("HARD_SWISH", INT8, (2,), (1.0, 0), (0.005, 0))).allocate_tensors()


@pytest.mark.parametrize("value", [float("inf"), float("nan")])
def test_leaky_relu_refuses_an_alpha_that_is_no_number(value):
    model = unary_model("LEAKY_RELU", INT8, (2,), (0.1, 0), (0.1, 0), options=alpha(value))
    with pytest.raises(ModelError, match="multiplier must be finite"):
        Interpreter(model_content=model).allocate_tensors()


@needs_litert
@pytest.mark.parametrize("type", [INT8, UINT8])
@pytest.mark.parametrize("ratio", [2.0**-7, 2.0**-8, 2.0**-9, 1e-4, 1e-6, 1e-9])
def test_hard_swish_to_a_far_coarser_scale_gives_one_step_as_in_litert(type, ratio):
    x = every_value(type.dtype)
    assert_equals_litert(unary_model("HARD_SWISH", type, x.shape, (0.05, 3), (0.05 / ratio, 7)), [{0: x}])


@pytest.mark.parametrize("name", ["RELU", "LEAKY_RELU", "HARD_SWISH", "LOGISTIC", "ABS", "L2_NORMALIZATION"])
def test_a_zero_point_that_is_no_value_of_the_type_is_refused(name):
    output = {"LOGISTIC": (1 / 256, -128), "L2_NORMALIZATION": (1 / 128, 0)}.get(name, (0.1, 0))
    with pytest.raises(ModelError, match="zero point 300; expected a value of INT8"):
        Interpreter(model_content=unary_model(name, INT8, (2,), (0.1, 300), output)).allocate_tensors()


@pytest.mark.parametrize("dtype", [np.int8, np.uint8])
@pytest.mark.parametrize("scale", [0.5, 0.03 / 0.04, 1.7, -0.25])
def test_activations_explain_every_element_as_their_reference(dtype, scale):
    x, rule = every_value(dtype), DoubleRounding.of(np.array([abs(scale)]))
    clamp = _relu.ClampPlan(-3, 5, rule, 5, 90)
    leaky = leaky_relu.LeakyReluPlan(-3, 5, rule, DoubleRounding.of(np.array([scale])), 1)
    for reference, explain, plan in (
        (_relu.clamp_quantized, _relu.explain, clamp),
        (leaky_relu.leaky_relu, leaky_relu.explain, leaky),
    ):
        y = reference(x, plan)
        assert [explain(x, plan, (i,))[-1].value for i in range(x.size)] == y.tolist()
