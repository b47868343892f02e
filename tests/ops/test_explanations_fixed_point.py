"""Explanations of functions in fixed point, of normalizations and of resized images, in every runtime."""

from __future__ import annotations

import numpy as np
import pytest
from explanations import check_in_every_runtime
from one_operator import T, const, every, model_of
from unary_models import every_value, unary_model

from qref.schema import TensorType

INT8, UINT8, INT16, FLOAT32 = (TensorType[name] for name in ("INT8", "UINT8", "INT16", "FLOAT32"))
SCALES = [(0.02, 0.03), (0.04, 0.02), (0.0625, 0.125), (0.5, 0.004), (0.001, 3.0)]


@pytest.mark.parametrize("type", [INT8, UINT8])
def test_hard_swish(type):
    for scales in SCALES:
        x = every_value(type.dtype)
        check_in_every_runtime(unary_model("HARD_SWISH", type, x.shape, (scales[0], 5), (scales[1], 100)), x, count=20)


@pytest.mark.parametrize("name", ["SQRT", "RSQRT"])
def test_square_roots(name):
    for scales in SCALES:
        for zero_point in (-128, 5):
            x = every_value(np.int8)
            x = x[x >= zero_point]
            model = unary_model(name, INT8, x.shape, (scales[0], zero_point), (scales[1], 3))
            check_in_every_runtime(model, x, count=20)
    x = np.arange(0, 2**15, 331).astype(np.int16)
    check_in_every_runtime(unary_model("SQRT", INT16, x.shape, (2**-10, 0), (2**-12, 0)), x, count=20)


@pytest.mark.parametrize("name", ["LOGISTIC", "TANH"])
@pytest.mark.parametrize("scale", [2**-12, 2**-11, 0.0003, 0.001, 0.00001, 2**-9])
def test_sigmoids_of_int16(name, scale):
    x = np.concatenate([np.arange(-(2**15), 2**15, 1567), [0, 1, -1, 2**15 - 1, 32000]]).astype(np.int16)
    check_in_every_runtime(unary_model(name, INT16, x.shape, (scale, 0), (2**-15, 0)), x, count=30)


@pytest.mark.parametrize("type", [INT8, UINT8, FLOAT32])
def test_l2_normalization(type):
    rng = np.random.default_rng(1)
    for shape in ((3, 7), (2, 2, 40)):
        pairs = () if type == FLOAT32 else ((0.03, 3), (1 / 128, 0 if type == INT8 else 128))
        x = every(rng, type, shape)
        x[0] = 3 if pairs else 0
        check_in_every_runtime(unary_model("L2_NORMALIZATION", type, shape, *pairs), x)


def test_log_softmax_of_float32():
    rng = np.random.default_rng(2)
    for depth in (1, 3, 8, 21):
        x = (rng.normal(size=(4, depth)) * 5).astype(np.float32)
        check_in_every_runtime(unary_model("LOG_SOFTMAX", FLOAT32, x.shape), x)


def test_local_response_normalization():
    rng = np.random.default_rng(3)
    x = rng.normal(size=(1, 2, 3, 7)).astype(np.float32)
    options = ("LocalResponseNormalizationOptions", {"radius": 2, "bias": 1.0, "alpha": 0.3, "beta": 0.5})
    check_in_every_runtime(unary_model("LOCAL_RESPONSE_NORMALIZATION", FLOAT32, x.shape, options=options), x)


@pytest.mark.parametrize("type", [FLOAT32, INT8, UINT8, INT16])
@pytest.mark.parametrize("options", [(False, False), (True, False), (False, True)])
def test_resized_images(type, options):
    rng = np.random.default_rng(4)
    for height, width, new_height, new_width in ((4, 5, 8, 10), (5, 7, 3, 2), (3, 4, 7, 9)):
        x, scale = every(rng, type, (2, height, width, 3)), None if type == FLOAT32 else 0.1
        fields = dict(zip(("align_corners", "half_pixel_centers"), options))
        operands = [T(type, x.shape, scale), const([new_height, new_width])]
        model = model_of(
            "RESIZE_BILINEAR", operands, [T(type, (2, new_height, new_width, 3), scale)], ("ResizeBilinearOptions", fields), 3
        )
        check_in_every_runtime(model, x, count=10)


@pytest.mark.parametrize("type", [INT8, UINT8])
def test_log_softmax_of_quantized_tensors(type):
    rng = np.random.default_rng(5)
    for scale in (0.02, 0.0625, 0.3, 1.5):
        x = every(rng, type, (3, 9))
        pairs = ((scale, 3), (1 / 16, np.iinfo(type.dtype).max))
        check_in_every_runtime(unary_model("LOG_SOFTMAX", type, x.shape, *pairs), x, count=12)
