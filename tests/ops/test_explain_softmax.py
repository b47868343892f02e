"""The explanations of SOFTMAX end in the references, in all runtimes, and can be computed again from what they print."""

from __future__ import annotations

import numpy as np
import pytest
from explanations import check_explanation, some_elements
from unary_models import unary_model

import qref
from qref.schema import TensorType

INT8, UINT8, INT16, FLOAT32, FLOAT16 = (TensorType[n] for n in ("INT8", "UINT8", "INT16", "FLOAT32", "FLOAT16"))
INTEGERS = [
    *((INT8, INT8, (2**-8, -128)), (UINT8, UINT8, (2**-8, 0)), (INT8, INT16, (2**-16, -32768))),
    *((UINT8, INT16, (2**-16, -32768)), (INT16, INT16, (2**-15, 0))),
]
SHAPES = [(1,), (3, 1), (2, 5), (3, 7), (2, 3, 10), (3, 35)]


def check(runtime, x, y_type, x_quantization=None, y_quantization=None, beta=1.0):
    """Explain some elements; returns the name of the reference."""
    options = ("SoftmaxOptions", {"beta": beta})
    x_type = next(t for t in TensorType if t.dtype == x.dtype)
    model = unary_model("SOFTMAX", x_type, x.shape, x_quantization, y_quantization, options=options, output_type=y_type)
    _, prepared = qref.Interpreter(model_content=model, runtime=runtime).prepare_operator(0, [x])
    y = prepared.reference(x, prepared.plan)
    for element in some_elements(y, 3):
        check_explanation(prepared, [x], y, element)
    return prepared.reference.__name__


@pytest.mark.parametrize("runtime", ["litert-reference", "litert-optimized"])
@pytest.mark.parametrize(("x_type", "y_type", "output"), INTEGERS)
def test_softmax_of_integers_is_explained(runtime, x_type, y_type, output):
    rng, limits = np.random.default_rng(1), np.iinfo(x_type.dtype)
    for shape in SHAPES:
        scale = rng.choice([2.0**-12, 3e-4, 1e-3] if x_type == INT16 else [2.0**-4, 0.02, 0.03, 0.04, 0.5])
        x = (rng.integers(limits.min, limits.max, shape, endpoint=True) // rng.choice([1, 4, 20])).astype(x_type.dtype)
        check(runtime, x, y_type, (scale, 0), output, float(rng.choice([1, 0.5, 2])))


@pytest.mark.parametrize("beta", [1.0, 0.5, -1.0])
@pytest.mark.parametrize("dtype", [np.float32, np.float16])
@pytest.mark.parametrize("runtime", ["litert-reference", "litert-optimized", "xnnpack"])
def test_softmax_of_floats_is_explained(runtime, dtype, beta):
    rng, names = np.random.default_rng(2), set()
    for shape in SHAPES:
        x = (rng.normal(size=shape) * rng.choice([1, 10, 100])).astype(dtype)
        names.add(check(runtime, x, FLOAT32 if dtype == np.float32 else FLOAT16, beta=beta))
    own = runtime != "litert-reference" and dtype == np.float32
    half = runtime == "xnnpack" and dtype == np.float16 and beta == 1
    assert names == {"softmax_float32" if own else "softmax_float16" if half else "softmax_float"}


@pytest.mark.parametrize("runtime", ["litert-reference", "litert-optimized", "xnnpack"])
def test_softmax_of_extreme_floats_is_explained(runtime):
    rows = [[1e-40, -1e-40, 3e-39, 0], [-np.inf, 1, 2, 3], [3e38, -3e38, 1, 1], [-87.4, -86.9, 0, -80], [np.nan, 1, 2, 3]]
    check(runtime, np.array(rows, np.float32), FLOAT32)
    check(runtime, np.full((1, 3), -np.inf, np.float32), FLOAT32)


@pytest.mark.parametrize("runtime", ["litert-optimized", "xnnpack"])
def test_softmax_of_long_rows_shows_the_order_of_its_sum(runtime):
    x = np.random.default_rng(3).normal(size=(2, 203)).astype(np.float32)
    check(runtime, x, FLOAT32)
