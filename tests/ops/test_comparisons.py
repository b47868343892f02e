"""EQUAL, NOT_EQUAL, GREATER, GREATER_EQUAL, LESS, LESS_EQUAL against LiteRT's reference kernels."""

import numpy as np
import pytest
from elementwise_models import SHAPES, arrays_of, binary, options_of, quantizations, whole_range
from one_operator import T, both_refuse, compare, const, evaluate, model_of, refusal
from oracle import needs_litert

from qref.schema import TensorType

INT8, UINT8, INT16, INT32, INT64 = TensorType.INT8, TensorType.UINT8, TensorType.INT16, TensorType.INT32, TensorType.INT64
FLOAT16, FLOAT32, BOOL = TensorType.FLOAT16, TensorType.FLOAT32, TensorType.BOOL
ORDERS = ["GREATER", "GREATER_EQUAL", "LESS", "LESS_EQUAL"]
NAMES = ["EQUAL", "NOT_EQUAL", *ORDERS]


def comparison(name, type, shapes, scales=(None, None), zero_points=(0, 0)):
    return binary(name, type, *shapes, (*scales[:2], None), (*zero_points[:2], 0), BOOL)


@needs_litert
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("type", [INT8, UINT8])
def test_comparisons_bring_8_bits_to_256ths(name, type):
    rng = np.random.default_rng(1)
    for number, (scales, zero_points) in enumerate(quantizations(rng, type, 12)):
        shapes = SHAPES[number % len(SHAPES)]
        below_1 = [s / 4 for s in scales]
        compare(comparison(name, type, shapes, below_1, zero_points), *arrays_of(rng, type, *shapes))
    for scales in ((0.5, 0.5), (1e-4, 1e-4), (0.999, 2**-31)):
        compare(comparison(name, type, SHAPES[0], scales), *arrays_of(rng, type, *SHAPES[0]))


@needs_litert
@pytest.mark.parametrize("name", NAMES)
def test_comparisons_see_only_signs_above_a_scale_of_1(name):
    rng = np.random.default_rng(2)
    for scales in ((2.0, 0.05), (1.5, 1.5), (0.3, 30000.0)):
        for shapes in (((203,), (203,)), ((7, 20), (7, 1))):
            compare(comparison(name, INT8, shapes, scales, (3, -5)), *arrays_of(rng, INT8, *shapes))
    (y,) = evaluate(comparison("LESS", INT8, ((2,), (2,)), (2.0, 2.0)), np.int8([1, -1]), np.int8([5, 0]))
    assert y.tolist() == [False, True]


@needs_litert
@pytest.mark.parametrize("name", ["EQUAL", "NOT_EQUAL"])
def test_equality_of_quantized_int16_is_of_real_values(name):
    x1, x2 = np.arange(-300, 300, dtype=np.int16), np.arange(-60, 60, dtype=np.int16).repeat(5)
    compare(comparison(name, INT16, ((600,), (600,)), (0.1, 0.5)), x1, x2)
    compare(comparison(name, INT16, ((600,), (600,)), (100.0, 0.5)), x1, x2)


@needs_litert
@pytest.mark.parametrize("name", ORDERS)
def test_orders_of_quantized_int16_look_at_no_scale(name):
    rng = np.random.default_rng(3)
    compare(comparison(name, INT16, SHAPES[1], (0.5, 0.1)), *arrays_of(rng, INT16, *SHAPES[1]))


@needs_litert
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("type", [INT32, INT64, FLOAT16, FLOAT32, INT16, BOOL])
def test_comparisons_of_plain_numbers(name, type):
    if (name in ORDERS and type == BOOL) or (name == "NOT_EQUAL" and type == INT16):
        return
    rng = np.random.default_rng(4)
    for shapes in SHAPES[:7]:
        x1, x2 = (whole_range if type in (INT16, INT32, INT64) else arrays_of)(rng, type, *shapes)
        compare(comparison(name, type, shapes), x1, x2)
        compare(comparison(name, type, (shapes[0], shapes[0])), x1, x1.copy())


@needs_litert
@pytest.mark.parametrize("name", NAMES)
def test_comparisons_with_nan_are_false_but_for_not_equal(name):
    constants = [const([np.nan, 1, np.nan, 0.0], np.float32), const([1, np.nan, np.nan, -0.0], np.float32)]
    compare(model_of(name, constants, [T(BOOL, (4,))], options_of(name, {})))


@needs_litert
@pytest.mark.parametrize(
    ("model", "message"),
    [
        (comparison("LESS", INT8, ((3,), (3,)), (1.0, 0.5)), "factor of 1;"),
        (comparison("LESS", INT8, ((3,), (3,))), "quantization parameters"),
        (comparison("LESS", INT32, ((3,), (2,))), "do not broadcast"),
        (comparison("LESS", BOOL, ((3,), (3,))), "BOOL"),
        (comparison("EQUAL", TensorType.UINT32, ((3,), (3,))), "UINT32"),
    ],
)
def test_comparisons_refuse_what_litert_refuses(model, message):
    tensors = model.subgraphs[0].tensors
    assert message in both_refuse(model, *(np.ones(t.shape, t.type.dtype) for t in tensors[:2]))


def test_not_equal_refuses_plain_int16_whose_output_litert_leaves_unwritten():
    assert "INT16" in refusal(comparison("NOT_EQUAL", INT16, ((3,), (3,))), np.ones(3, np.int16), np.ones(3, np.int16))
