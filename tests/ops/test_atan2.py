"""ATAN2 against LiteRT's reference kernels."""

import numpy as np
import pytest
from elementwise_models import arrays_of, binary
from one_operator import both_refuse, compare, refusal
from oracle import needs_litert

from qref.schema import TensorType

FLOAT32 = TensorType.FLOAT32


@needs_litert
@pytest.mark.parametrize("type", [TensorType.FLOAT16, FLOAT32, TensorType.FLOAT64])
def test_atan2_is_the_c_librarys(type):
    rng = np.random.default_rng(1)
    for shape in ((3, 200), (), (5,)):
        compare(binary("ATAN2", type, shape, shape, output=type), *arrays_of(rng, type, shape, shape))
    special = np.array([0.0, -0.0, 1, -1, np.inf, -np.inf], type.dtype)
    compare(binary("ATAN2", type, (36,), (36,)), np.repeat(special, 6), np.tile(special, 6))


@needs_litert
def test_atan2_refuses_what_litert_refuses():
    assert "INT32" in both_refuse(binary("ATAN2", TensorType.INT32, (2,), (2,)), *np.ones((2, 2), np.int32))
    model = binary("ATAN2", FLOAT32, (2,), (2,), output=TensorType.FLOAT64)
    assert "FLOAT64" in both_refuse(model, *np.ones((2, 2), np.float32))


def test_atan2_refuses_shapes_of_which_litert_reads_more_than_there_is():
    assert "broadcast" in refusal(binary("ATAN2", FLOAT32, (2,), (1,)), np.ones(2, np.float32), np.ones(1, np.float32))
