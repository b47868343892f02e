"""L2_NORMALIZATION and LOCAL_RESPONSE_NORMALIZATION against LiteRT."""

from __future__ import annotations

import numpy as np
import pytest
from oracle import assert_equals_litert, needs_litert, run_qref
from unary_models import random_scale, unary_model

from qref import ModelError
from qref.interpreter import Interpreter
from qref.schema import TensorType

INT8, UINT8, FLOAT32 = TensorType.INT8, TensorType.UINT8, TensorType.FLOAT32
OUTPUT = {INT8: (1 / 128, 0), UINT8: (1 / 128, 128)}


@needs_litert
@pytest.mark.parametrize("type", [FLOAT32, INT8, UINT8])
@pytest.mark.parametrize("shape", [(1,), (9,), (4, 40), (2, 3, 7), (2, 2, 3, 300)])
def test_l2_normalization_equals_litert(type, shape):
    rng = np.random.default_rng(sum(shape))
    for draw in range(6):
        if type == FLOAT32:
            x, pairs = (rng.normal(size=shape) * 10.0 ** (draw - 3)).astype(np.float32), ()
        else:
            limits = np.iinfo(type.dtype)
            x = (rng.integers(limits.min, limits.max, shape, endpoint=True) // (1 + 9 * draw)).astype(type.dtype)
            pairs = ((random_scale(rng, 0.01, 0.3), int(rng.integers(limits.min, limits.max))), OUTPUT[type])
        assert_equals_litert(unary_model("L2_NORMALIZATION", type, shape, *pairs), [{0: x}])


@needs_litert
@pytest.mark.parametrize("type", [FLOAT32, INT8, UINT8])
def test_l2_normalization_of_zeros_is_zero(type):
    pairs = ((0.1, 3), OUTPUT[type]) if type != FLOAT32 else ()
    x = np.full((2, 5), 3 if pairs else 0, type.dtype)
    model = unary_model("L2_NORMALIZATION", type, x.shape, *pairs)
    assert_equals_litert(model, [{0: x}])
    np.testing.assert_array_equal(run_qref(model, [{0: x}], "numpy")[0][1], 128 if type == UINT8 else 0)


@pytest.mark.parametrize("type", [FLOAT32, INT8, UINT8])
@pytest.mark.parametrize("shape", [(0, 3), (3, 0)])
def test_l2_normalization_of_nothing_is_nothing(type, shape):
    pairs = ((0.1, 3), OUTPUT[type]) if type != FLOAT32 else ()
    model = unary_model("L2_NORMALIZATION", type, shape, *pairs)
    assert run_qref(model, [{0: np.zeros(shape, type.dtype)}], "numpy")[0][1].shape == shape


@pytest.mark.parametrize(("type", "output"), [(INT8, (1 / 127, 0)), (INT8, (1 / 128, 1)), (UINT8, (1 / 128, 0))])
def test_l2_normalization_demands_the_quantization_of_its_output(type, output):
    with pytest.raises(ModelError, match="L2_NORMALIZATION needs"):
        Interpreter(model_content=unary_model("L2_NORMALIZATION", type, (2, 3), (0.1, 0), output)).allocate_tensors()


def test_l2_normalization_takes_no_activation():
    options = ("L2NormOptions", {"fused_activation_function": 1})
    with pytest.raises(ModelError, match="RELU"):
        Interpreter(model_content=unary_model("L2_NORMALIZATION", FLOAT32, (2, 3), options=options)).allocate_tensors()


def local_response(radius, bias=1.0, alpha=1.0, beta=0.5):
    return "LocalResponseNormalizationOptions", {"radius": radius, "bias": bias, "alpha": alpha, "beta": beta}


@needs_litert
@pytest.mark.parametrize("radius", [0, 1, 2, 5, 100])
@pytest.mark.parametrize("beta", [0.5, 0.75, 1.0, 0.33])
def test_local_response_normalization_equals_litert(radius, beta):
    x = (np.random.default_rng(radius).normal(size=(2, 3, 2, 7)) * 3).astype(np.float32)
    options = local_response(radius, 0.7, 0.3, beta)
    assert_equals_litert(unary_model("LOCAL_RESPONSE_NORMALIZATION", FLOAT32, x.shape, options=options), [{0: x}])


@pytest.mark.parametrize(("shape", "radius", "message"), [((2, 3), 1, "4 dimensions"), ((1, 1, 1, 4), -1, "radius is -1")])
def test_local_response_normalization_refuses_other_ranks_and_radii(shape, radius, message):
    model = unary_model("LOCAL_RESPONSE_NORMALIZATION", FLOAT32, shape, options=local_response(radius))
    with pytest.raises(ModelError, match=message):
        Interpreter(model_content=model).allocate_tensors()
