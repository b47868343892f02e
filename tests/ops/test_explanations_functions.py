"""Explanations of functions of one operand, in every runtime: polynomials, the C library's functions, entries of tables."""

from __future__ import annotations

import numpy as np
import pytest
from explanations import check_in_every_runtime
from unary_models import every_value, random_scale, unary_model

from qref.ops.xnnpack import _function_formulas as formulas
from qref.ops.xnnpack import _functions as functions
from qref.schema import TensorType

INT8, UINT8, INT16, FLOAT16, FLOAT32 = (TensorType[name] for name in ("INT8", "UINT8", "INT16", "FLOAT16", "FLOAT32"))
FUNCTIONS = [
    *("LOGISTIC", "TANH", "EXP", "LOG", "GELU", "ELU", "HARD_SWISH", "SIN", "COS", "SQRT", "RSQRT"),
    *("RELU", "RELU6", "RELU_N1_TO_1", "NEG", "FLOOR", "CEIL", "ROUND", "SQUARE", "LEAKY_RELU"),
]
APPROXIMATE = ("GeluOptions", {"approximate": True})
SPECIAL = [
    *(0.0, -0.0, np.inf, -np.inf, 1e-40, -1e-40, 1e-38, 2e-38, 0.5, -0.5, 1.5, 2.5, -2.5, 4.0, 1.0, 16.0, 16.7, -9.5),
    *(-86.9, -87.4, 88.7, 89, 100, -100, -103.5, -104.5, 1e10, -1e10, 3e38, -3e38),
]


def some_reals(count=30):
    rng = np.random.default_rng(3)
    return np.concatenate([SPECIAL, rng.normal(size=count) * 3, rng.uniform(-20, 20, 5)]).astype(np.float32)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_of_float32(name):
    x = some_reals()
    check_in_every_runtime(unary_model(name, FLOAT32, x.shape), x, count=80)


def test_approximate_gelu():
    x = some_reals()
    x = x[np.abs(x) < 1e18]
    check_in_every_runtime(unary_model("GELU", FLOAT32, x.shape, options=APPROXIMATE), x, count=80)


@pytest.mark.parametrize("name", ["LOGISTIC", "TANH", "GELU", "SIN", "COS", "FLOOR", "ROUND"])
def test_functions_of_float16(name):
    x = some_reals()
    x = x[np.abs(x) < 1000].astype(np.float16)
    check_in_every_runtime(unary_model(name, FLOAT16, x.shape), x, count=20)
    if name == "GELU":
        check_in_every_runtime(unary_model(name, FLOAT16, x.shape, options=APPROXIMATE), x, count=20)


@pytest.mark.parametrize("has_avx512", [False, True])
def test_xnnpack_of_either_cpu(monkeypatch, has_avx512):
    monkeypatch.setattr(formulas, "has_avx512", lambda: has_avx512)
    x = some_reals(60)
    cpu = "avx512" if has_avx512 else "avx2"
    for name in ("logistic", "elu"):
        with np.errstate(all="ignore"):
            y = getattr(functions, f"{name}_{cpu}")(x)
        for i in range(x.size):
            last = getattr(formulas, name)(x, None, (i,))[-1].value
            assert last == y[i] or (last != last and y[i] != y[i]), (name, x[i])


@pytest.mark.parametrize(
    ("name", "types"),
    [
        ("LOGISTIC", (INT8, UINT8)),
        ("TANH", (INT8, UINT8)),
        ("EXP", (INT8, INT16)),
        ("ELU", (INT8,)),
        ("LOG", (INT8, INT16)),
        ("GELU", (INT8, UINT8, INT16)),
        ("RSQRT", (INT16,)),
    ],
)
def test_entries_of_tables(name, types):
    rng = np.random.default_rng(4)
    for type in types:
        limits = np.iinfo(type.dtype)
        for number in range(4):
            zero_points = [0, 0] if type == INT16 else rng.integers(limits.min, limits.max, 2, endpoint=True).tolist()
            scales = [random_scale(rng, 0.001, 0.5) if type != INT16 else random_scale(rng, 1e-5, 1e-3) for _ in "xy"]
            output = (1 / 256, int(limits.min)) if name == "LOGISTIC" else (scales[1], zero_points[1])
            x = every_value(type.dtype)
            x = x[x >= 0] if name == "RSQRT" else x
            options = APPROXIMATE if name == "GELU" and number % 2 else None
            model = unary_model(name, type, x.shape, (scales[0], zero_points[0]), output, options=options)
            check_in_every_runtime(model, x, count=12)
