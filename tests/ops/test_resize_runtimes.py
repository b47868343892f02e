"""RESIZE_BILINEAR of the optimized kernels and of XNNPACK against LiteRT."""

from __future__ import annotations

import numpy as np
import pytest
from one_operator import T, const, every, model_of
from oracle import assert_equals_litert, needs_litert

from qref import ModelError
from qref.interpreter import Interpreter
from qref.schema import TensorType

TYPES = [TensorType[n] for n in ("FLOAT32", "UINT8", "INT8", "INT16")]
SIZES = [(4, 5, 8, 10), (3, 3, 7, 5), (5, 7, 3, 2), (1, 1, 2, 2), (2, 3, 16, 24), (6, 6, 1, 1), (3, 4, 24, 32), (9, 2, 4, 4)]


def resize(type, shape, height, width, options=(False, False), output_scale=0.1):
    scale = None if type == TensorType.FLOAT32 else 0.1
    x, y = T(type, shape, scale), T(type, (shape[0], height, width, shape[3]), scale and output_scale)
    names = ("align_corners", "half_pixel_centers")
    return model_of("RESIZE_BILINEAR", [x, const([height, width])], [y], ("ResizeBilinearOptions", dict(zip(names, options))), 3)


@needs_litert
@pytest.mark.parametrize("kernel_set", ["optimized", "xnnpack"])
@pytest.mark.parametrize("type", TYPES)
@pytest.mark.parametrize("options", [(False, False), (True, False), (False, True)])
def test_resize_bilinear_equals_litert(type, options, kernel_set):
    rng = np.random.default_rng(5)
    for height, width, new_height, new_width in SIZES:
        x = every(rng, type, (2, height, width, int(rng.choice([1, 3, 8]))))
        assert_equals_litert(resize(type, x.shape, new_height, new_width, options), [{0: x}], kernel_set)


def test_resize_bilinear_of_xnnpack_refuses_another_scale():
    model = resize(TensorType.INT8, (1, 2, 2, 1), 4, 4, output_scale=0.2)
    with pytest.raises(ModelError, match="unless they are equal"):
        Interpreter(model_content=model, runtime="xnnpack").allocate_tensors()
