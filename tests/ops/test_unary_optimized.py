"""Functions of one operand of the optimized kernels against LiteRT, where they differ from the reference."""

from __future__ import annotations

import numpy as np
import pytest
from oracle import assert_equals_litert, needs_litert
from unary_models import every_value, unary_model

from qref.schema import TensorType

SPECIAL = [0.0, -0.0, np.inf, -np.inf, 1e-40, -1e-40, 0.5, -0.5, 100, -100, 3e38, -3e38, 16.619047, -9.0, -104.5, -103.0]


@needs_litert
@pytest.mark.parametrize("name", ["LOGISTIC", "TANH", "HARD_SWISH"])
def test_float32_functions_equal_litert(name):
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.normal(size=3000) * 3, rng.uniform(-40, 40, 2000), SPECIAL]).astype(np.float32)
    for size in (x.size, x.size - 1, 1, 2, 3, 5):
        assert_equals_litert(unary_model(name, TensorType.FLOAT32, (size,)), [{0: x[-size:]}], "optimized")


@needs_litert
@pytest.mark.parametrize("kernel_set", ["optimized", "xnnpack"])
@pytest.mark.parametrize("name", ["LOGISTIC", "TANH"])
@pytest.mark.parametrize("scale", [2**-12, 2**-11, 2**-10, 2**-13, 0.0003, 2**-12 * 1.0001])
def test_int16_functions_equal_litert_for_every_input(name, scale, kernel_set):
    x = every_value(np.int16)
    assert_equals_litert(unary_model(name, TensorType.INT16, x.shape, (scale, 0), (2**-15, 0)), [{0: x}], kernel_set)
