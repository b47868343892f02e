"""Functions of one operand of XNNPACK against LiteRT."""

from __future__ import annotations

import numpy as np
import pytest
from explanations import check_some_explanations
from one_operator import T, model_of
from oracle import assert_equals_litert, needs_litert
from unary_models import every_value, random_scale, unary_model

from qref.ops.xnnpack import _functions
from qref.ops.xnnpack._cpu import has_avx512_fp16
from qref.ops.xnnpack._rsqrt14 import rsqrt14
from qref.schema import TensorType

INT8, UINT8, FLOAT16, FLOAT32 = (TensorType[n] for n in ("INT8", "UINT8", "FLOAT16", "FLOAT32"))
NAMES = [
    *("LOGISTIC", "TANH", "EXP", "LOG", "GELU", "ELU", "HARD_SWISH", "SIN", "COS", "SQRT", "RSQRT"),
    *("RELU", "RELU6", "RELU_N1_TO_1", "ABS", "NEG", "FLOOR", "CEIL", "ROUND", "SQUARE"),
]
SPECIAL = [
    *(0.0, -0.0, np.inf, -np.inf, 1e-40, -1e-40, 1e-38, 2e-38, -2e-38, 1e-20, 0.5, -0.5, 1.5, 2.5, -1.5, -2.5, 4.0, 1.0),
    *(16.619047, -9.0, 87.4, -86.9, -87.4, 88.7, 89, 100, -100, -103, -104.5, 1e10, -1e10, 1e22, -1e22, 1e30, -1e30, 3e38, -3e38),
]


@needs_litert
@pytest.mark.parametrize("name", NAMES)
def test_float32_functions_equal_litert(name):
    rng = np.random.default_rng(0)
    drawn = np.concatenate([rng.normal(size=5000) * 3, rng.uniform(-100, 100, 5000), rng.uniform(0, 1, 1000)])
    x = np.concatenate([drawn, SPECIAL]).astype(np.float32)
    for size in (x.size, 1, 17):
        assert_equals_litert(unary_model(name, FLOAT32, (size,)), [{0: x[-size:]}], "xnnpack")


@needs_litert
def test_approximate_gelu_equals_litert():
    x = np.concatenate([np.random.default_rng(0).normal(size=5000) * 3, SPECIAL]).astype(np.float32)
    model = unary_model("GELU", FLOAT32, x.shape, options=("GeluOptions", {"approximate": True}))
    assert_equals_litert(model, [{0: x}], "xnnpack")


@needs_litert
@pytest.mark.parametrize(
    ("name", "options"),
    [*((name, None) for name in ("LOGISTIC", "TANH", "SIN", "COS")), *(("GELU", {"approximate": a}) for a in (False, True))],
)
def test_functions_of_every_float16_number_equal_litert(name, options):
    if not has_avx512_fp16() and name != "LOGISTIC" and options != {"approximate": False}:
        pytest.skip("XNNPACK has other kernels without AVX512-FP16")
    x = np.arange(2**16, dtype=np.uint16).view(np.float16)
    x = x[~np.isnan(x)]
    model = unary_model(name, FLOAT16, x.shape, options=options and ("GeluOptions", options))
    assert_equals_litert(model, [{0: x}], "xnnpack")
    check_some_explanations(model, "xnnpack", x, count=200)


@needs_litert
def test_softmax_of_float16_equals_litert():
    rng = np.random.default_rng(0)
    for depth in (1, 2, 3, 4, 5, 6, 7, 8, 9, 15, 16, 17, 31, 40, 47, 100):
        x = (rng.normal(size=(20, depth)) * rng.choice([1, 4, 20])).astype(np.float16)
        model = unary_model("SOFTMAX", FLOAT16, x.shape, options=("SoftmaxOptions", {"beta": 1.0}))
        assert_equals_litert(model, [{0: x}], "xnnpack")
        check_some_explanations(model, "xnnpack", x)


@needs_litert
@pytest.mark.parametrize("shapes", [((3, 4), (3, 4)), ((3, 1), (3, 4)), ((3, 4), (1,)), ((1,), (3, 4))])
@pytest.mark.parametrize("name", ["MAXIMUM", "MINIMUM"])
def test_of_float16_zeros_and_denormals_xnnpack_takes_the_same_as_litert(name, shapes):
    rng = np.random.default_rng(0)
    x1, x2 = (rng.choice(np.float16([0, -0.0, 1, -1, 6e-8, -6e-8, np.inf]), shape) for shape in shapes)
    model = model_of(name, [T(FLOAT16, s) for s in shapes], [T(FLOAT16, (3, 4))])
    assert_equals_litert(model, [{0: x1, 1: x2}], "xnnpack")
    check_some_explanations(model, "xnnpack", x1, x2)


@needs_litert
@pytest.mark.parametrize(
    ("name", "type"), [("LOGISTIC", INT8), ("LOGISTIC", UINT8), ("TANH", INT8), ("TANH", UINT8), ("ELU", INT8)]
)
def test_functions_by_table_equal_litert(name, type):
    rng, limits, x = np.random.default_rng(1), np.iinfo(type.dtype), every_value(type.dtype)
    for _ in range(30):
        zero_points = rng.integers(limits.min, limits.max, 2, endpoint=True).tolist()
        output = (1 / 256, int(limits.min)) if name == "LOGISTIC" else (random_scale(rng, 0.001, 0.1), zero_points[1])
        model = unary_model(name, type, x.shape, (random_scale(rng, 0.001, 0.5), zero_points[0]), output)
        assert_equals_litert(model, [{0: x}], "xnnpack")


@needs_litert
def test_functions_by_table_round_ties_to_even_after_the_zero_point():
    x = every_value(np.int8)
    assert_equals_litert(unary_model("ELU", INT8, x.shape, (0.001, -21), (0.004, 69)), [{0: x}], "xnnpack")
    assert_equals_litert(unary_model("TANH", INT8, x.shape, (2**-8, -124), (2**-7, -97)), [{0: x}], "xnnpack")


@pytest.mark.parametrize(
    ("name", "exact"), [("logistic", lambda x: 1 / (1 + np.exp(-x))), ("elu", lambda x: np.where(x < 0, np.expm1(x), x))]
)
def test_the_kernels_for_avx2_and_avx512_compute_the_same_function(name, exact):
    x = np.linspace(-80, 80, 10001).astype(np.float32)
    for cpu in ("avx2", "avx512"):
        y = getattr(_functions, f"{name}_{cpu}")(x)
        np.testing.assert_allclose(y, exact(x.astype(np.float64)), rtol=1e-4)


def test_rsqrt14_is_exact_to_14_bits_and_halves_at_every_fourth_power():
    x = np.geomspace(1e-30, 1e30, 10001).astype(np.float32)
    y = rsqrt14(x)
    assert (np.abs(y * np.sqrt(x.astype(np.float64)) - 1) < 2.0**-14).all()
    np.testing.assert_array_equal(rsqrt14(x * np.float32(4)), y / 2)
    np.testing.assert_array_equal(rsqrt14(np.float32([1, 0, -0.0, np.inf, -1])), np.float32([1, np.inf, -np.inf, 0, np.nan]))
