"""FAKE_QUANT against LiteRT's reference kernels."""

import numpy as np
import pytest
from one_operator import T, both_refuse, compare, const, model_of, refusal
from oracle import needs_litert

from qref.schema import TensorType

FLOAT32 = TensorType.FLOAT32


def fake_quant(operand, low=-1.0, high=1.1, bits=8, narrow=False):
    options = ("FakeQuantOptions", {"min": low, "max": high, "num_bits": bits, "narrow_range": narrow})
    return model_of("FAKE_QUANT", [operand], [T(FLOAT32)], options)


@needs_litert
@pytest.mark.parametrize("bits", [1, 2, 4, 8, 15, 16])
@pytest.mark.parametrize("limits", [(-1.0, 1.1), (0.0, 6.0), (-3.0, 0.0), (1.0, 2.0), (-2.0, -1.0), (-0.5, 127.5)])
def test_fake_quant_moves_its_range_so_that_0_is_a_step(bits, limits):
    x = np.concatenate([np.random.default_rng(1).normal(size=400) * 3, np.arange(-20, 20) / 8]).astype(np.float32)
    compare(fake_quant(T(FLOAT32, (440,)), *limits, bits), x)


@needs_litert
def test_fake_quant_takes_nan_for_the_lower_limit():
    compare(fake_quant(const([np.nan, np.inf, -np.inf, -0.0], np.float32)))


@needs_litert
def test_fake_quant_refuses_what_litert_refuses():
    assert "narrow_range" in both_refuse(fake_quant(T(FLOAT32, (2,)), narrow=True), np.ones(2, np.float32))


@pytest.mark.parametrize(
    ("fields", "message"), [({"bits": 0}, "num_bits"), ({"bits": 17}, "num_bits"), ({"low": 1.0, "high": 1.0}, "min < max")]
)
def test_fake_quant_refuses_what_has_no_result(fields, message):
    assert message in refusal(fake_quant(T(FLOAT32, (2,)), **fields), np.ones(2, np.float32))
