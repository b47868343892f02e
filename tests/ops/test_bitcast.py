"""BITCAST against LiteRT's reference kernels."""

import numpy as np
import pytest
from elementwise_models import arrays_of
from one_operator import T, both_refuse, compare, model_of, refusal
from oracle import needs_litert

from qref.schema import TensorType

INT8, UINT8, INT16, INT32 = TensorType.INT8, TensorType.UINT8, TensorType.INT16, TensorType.INT32
FLOAT32, FLOAT64, UINT64, COMPLEX64 = TensorType.FLOAT32, TensorType.FLOAT64, TensorType.UINT64, TensorType.COMPLEX64


def bitcast(x, shape, y):
    return model_of("BITCAST", [T(x, shape)], [T(y)], ("BitcastOptions", {}))


@needs_litert
@pytest.mark.parametrize(
    ("x", "shape", "y"),
    [
        (FLOAT32, (2, 3), INT32),
        (FLOAT32, (2, 3), INT8),
        (UINT8, (3, 4), INT32),
        (INT16, (3, 2), TensorType.UINT32),
        (UINT8, (4,), TensorType.UINT32),
        (FLOAT64, (5,), UINT64),
        (COMPLEX64, (5,), FLOAT32),
        (TensorType.BOOL, (5,), UINT8),
    ],
)
def test_bitcast_reads_bytes_little_endian(x, shape, y):
    compare(bitcast(x, shape, y), *arrays_of(np.random.default_rng(1), x, shape))


@needs_litert
def test_bitcast_refuses_what_litert_refuses():
    assert "dimension of 4" in both_refuse(bitcast(UINT8, (2, 3), INT32), np.ones((2, 3), np.uint8))


def test_bitcast_refuses_what_has_no_whole_bytes_or_dimensions():
    assert "dimension of 4" in refusal(bitcast(UINT8, (), INT32), np.array(1, np.uint8))
    assert "INT4" in refusal(bitcast(UINT8, (2,), TensorType.INT4), np.ones(2, np.uint8))
