"""Explanations of operators that look values up: positions of extremes, buckets, rows of tables, fake quantization."""

from __future__ import annotations

import numpy as np
import pytest
from explanations import check_in_every_runtime
from one_operator import T, const, every, model_of
from unary_models import unary_model

from qref.schema import TensorType

INT8, INT32, FLOAT16, FLOAT32 = TensorType.INT8, TensorType.INT32, TensorType.FLOAT16, TensorType.FLOAT32


@pytest.mark.parametrize("name", ["ARG_MAX", "ARG_MIN"])
def test_positions_of_extremes(name):
    rng, options = (
        np.random.default_rng(1),
        ("".join(word.title() for word in name.split("_")) + "Options", {"output_type": INT32}),
    )
    for type in (INT8, FLOAT32):
        x = rng.integers(-3, 4, (4, 9)).astype(type.dtype)
        for axis in (0, 1):
            check_in_every_runtime(model_of(name, [T(type, x.shape), const(axis)], [T(INT32)], options), x, count=12)


def test_buckets():
    x = np.float32([-5, 0, 0.5, 1, 1.5, 2, 99])
    check_in_every_runtime(
        unary_model("BUCKETIZE", FLOAT32, x.shape, options=("BucketizeOptions", {"boundaries": [0, 1, 2]}), output_type=INT32), x
    )


def test_rows_of_tables():
    rng = np.random.default_rng(2)
    table, positions = every(rng, INT8, (5, 4)), const([3, 0, 3])
    for scale in (0.03, [0.02, 0.03, 0.04, 0.5, 0.25]):
        check_in_every_runtime(model_of("EMBEDDING_LOOKUP", [positions, const(table, np.int8, scale, 0)], [T(FLOAT32)]), count=12)
    check_in_every_runtime(model_of("EMBEDDING_LOOKUP", [positions, const(table, np.float32)], [T(FLOAT32)]), count=12)


def test_fake_quantization():
    x = np.linspace(-3, 3, 41).astype(np.float32)
    options = ("FakeQuantOptions", {"min": -1.3, "max": 2.0, "num_bits": 4})
    check_in_every_runtime(unary_model("FAKE_QUANT", FLOAT32, x.shape, options=options), x, count=40)


def test_float16_widens():
    x = np.linspace(-3, 3, 11).astype(np.float16)
    check_in_every_runtime(unary_model("DEQUANTIZE", FLOAT16, x.shape, output_type=FLOAT32), x)


def test_elementwise_operators_of_stablehlo():
    rng = np.random.default_rng(3)
    for name in ("STABLEHLO_ADD", "STABLEHLO_MULTIPLY", "STABLEHLO_MAXIMUM", "STABLEHLO_MINIMUM"):
        for type in (FLOAT32, INT32):
            model = model_of(name, [T(type, (9,)), T(type, (9,))], [T(type)])
            check_in_every_runtime(model, every(rng, type, (9,)), every(rng, type, (9,)))
