"""Rules that drawn cases brought to light, each on the smallest model that shows it."""

from __future__ import annotations

import numpy as np
import pytest
from elementwise_models import options_of
from matmul_models import I64, fully_connected
from one_operator import T, const, evaluate, model_of
from oracle import assert_equals_litert, needs_litert

from qref.schema import TensorType

F16, F32, I4, I8, I16, I32 = (TensorType[n] for n in ("FLOAT16", "FLOAT32", "INT4", "INT8", "INT16", "INT32"))
KERNEL_SETS = ("reference", "optimized", "xnnpack")
pytestmark = needs_litert


def compare(kernel_set, model, *inputs):
    assert_equals_litert(model, [dict(enumerate(inputs))], kernel_set)


@pytest.mark.parametrize("kernel_set", KERNEL_SETS)
@pytest.mark.parametrize("name", ["MAXIMUM", "MINIMUM"])
@pytest.mark.parametrize("shapes", [((2, 20), (2, 20)), ((2, 20), (2, 1)), ((2, 1), (2, 20)), ((1, 20), (2, 20))])
def test_extrema_of_zeros_of_both_signs(kernel_set, name, shapes):
    zeros = [np.resize(np.float32(signs), shape) for signs, shape in zip(([0.0, -0.0], [0.0, 0.0, -0.0]), shapes)]
    inputs = [T(F32, shape) for shape in shapes]
    compare(kernel_set, model_of(name, inputs, [T(F32, np.broadcast_shapes(*shapes))], options_of(name, {})), *zeros)


@pytest.mark.parametrize("filter", [(2, 2), (3, 3), (5, 4)])
def test_max_pool_2d_of_xnnpack_compares_taps_in_a_tree(filter):
    x = np.random.default_rng(0).choice(np.float32([0.0, -0.0, -1.0]), (1, 9, 9, 16))
    fields = dict(zip(("filter_height", "filter_width"), filter)) | {"padding": 0, "stride_h": 1, "stride_w": 1}
    compare("xnnpack", model_of("MAX_POOL_2D", [T(F32, x.shape)], [T(F32, x.shape)], ("Pool2DOptions", fields)), x)


def test_average_pool_2d_of_xnnpack_lets_infinities_be():
    fields = {"filter_height": 2, "filter_width": 1, "padding": 1, "stride_h": 1, "stride_w": 1}
    model = model_of("AVERAGE_POOL_2D", [T(F32, (1, 3, 1, 1))], [T(F32, (1, 2, 1, 1))], ("Pool2DOptions", fields))
    compare("xnnpack", model, np.float32([3e38, 3e38, 1]).reshape(1, 3, 1, 1))


@pytest.mark.parametrize("kernel_set", KERNEL_SETS)
def test_add_n_clamps_every_sum_to_finite_numbers(kernel_set):
    columns = np.float32([[3e38, 3e38, -3e38], [np.inf, 0, 0], [-0.0, -0.0, -0.0], [1, np.inf, -np.inf]]).T.copy()
    compare(kernel_set, model_of("ADD_N", [T(F32, (4,))] * 3, [T(F32, (4,))]), *columns)


@pytest.mark.parametrize("kernel_set", KERNEL_SETS)
def test_rows_of_packed_tables_are_read_from_a_whole_byte_on(kernel_set):
    table = T(I4, (5, 7), 0.5, 0, np.random.default_rng(1).integers(-8, 8, (5, 7)).astype(np.int8))
    compare(kernel_set, model_of("EMBEDDING_LOOKUP", [T(I32, (5,)), table], [T(F32)], version=4), np.arange(5, dtype=np.int32))


@pytest.mark.parametrize("kernel_set", ["reference", "optimized"])
def test_the_mean_of_integers_is_truncated_at_the_end_of_their_range_too(kernel_set):
    x = np.array([[-(2**63), 0], [-(2**62), -(2**62) - 1], [-3, 0]], np.int64)
    model = model_of("MEAN", [T(I64, x.shape), const([1])], [T(I64)], ("ReducerOptions", {}), version=2)
    compare(kernel_set, model, x)


@pytest.mark.parametrize("kernel_set", KERNEL_SETS)
def test_resize_bilinear_of_negative_zeros_and_near_denormals(kernel_set):
    x = np.float32([[-0.0, -0.0, 1.2e-38], [1.3e-38, -1.2e-38, 0.0]]).reshape(1, 2, 3, 1)
    for size in ([5, 7], [4, 6]):
        outputs = [T(F32, (1, *size, 1))]
        compare(
            kernel_set, model_of("RESIZE_BILINEAR", [T(F32, x.shape), const(size)], outputs, ("ResizeBilinearOptions", {})), x
        )


@pytest.mark.parametrize("kernel_set", KERNEL_SETS)
def test_reduce_prod_of_single_elements(kernel_set):
    x = np.arange(-60, 60, dtype=np.int8).reshape(1, 120)
    inputs, outputs = [T(I8, x.shape, 0.1, 3), const([0])], [T(I8, (), 0.3, -5)]
    compare(kernel_set, model_of("REDUCE_PROD", inputs, outputs, ("ReducerOptions", {}), version=2), x)


@pytest.mark.parametrize("kernel_set", KERNEL_SETS)
@pytest.mark.parametrize("type", [F32, F16])
def test_a_border_of_negative_zero(kernel_set, type):
    value = const(np.float32(-0.0), type.dtype)
    model = model_of("PADV2", [T(type, (2, 3)), const([[1, 0], [2, 1]]), value], [T(type)])
    compare(kernel_set, model, np.ones((2, 3), type.dtype))


@pytest.mark.parametrize("bias", ["constant", "absent"])
def test_int16_fully_connected_follows_the_type_of_the_bias_that_it_declares(bias):
    for seed in range(6):
        extra = {"x_shape": (40, 24), "w_shape": (33, 24), "options": {"quantized_bias_type": I64}}
        assert_equals_litert(fully_connected(seed, I16, bias=bias, **extra), kernel_set="optimized")


@pytest.mark.parametrize("depth", [50, 62, 64])
def test_the_least_int4_weight_spoils_its_partner_in_the_last_block_too(depth):
    w = np.random.default_rng(depth).choice(np.int8([-8, 1, 3]), (5, depth))
    x = np.random.default_rng(1).normal(size=(3, depth)).astype(np.float32)
    inputs, options = [T(F32, x.shape), T(I4, w.shape, 0.5, 0, w)], ("FullyConnectedOptions", {})
    compare("optimized", model_of("FULLY_CONNECTED", inputs, [T(F32, (3, 5))], options, version=14), x)


@pytest.mark.parametrize("kernel_set", KERNEL_SETS)
@pytest.mark.parametrize("asymmetric", [False, True])
@pytest.mark.parametrize("activation", [0, 1, 2, 3])
def test_rows_with_infinities_or_an_infinite_range_are_quantized_as_in_litert(kernel_set, asymmetric, activation):
    rng = np.random.default_rng(2)
    x = rng.normal(size=(5, 40)).astype(np.float32)
    x[0, 3], x[1, 4], x[2, [5, 20]], x[3, [3, 4]] = np.inf, -np.inf, (np.inf, -np.inf), (3e38, -3e38)
    options = {"fused_activation_function": activation, "asymmetric_quantize_inputs": asymmetric}
    inputs = [T(F32, x.shape), const(rng.integers(-127, 128, (6, 40)), np.int8, 0.01)]
    compare(kernel_set, model_of("FULLY_CONNECTED", inputs, [T(F32, (5, 6))], ("FullyConnectedOptions", options), version=9), x)


@pytest.mark.parametrize("name", ["LOGISTIC", "ROUND"])
def test_float16_functions(name):
    x = np.arange(2**16, dtype=np.uint16).view(np.float16)
    x = x[~np.isnan(x)]
    kernel_set = {"LOGISTIC": "optimized", "ROUND": "xnnpack"}[name]
    compare(kernel_set, model_of(name, [T(F16, x.shape)], [T(F16, x.shape)]), x)


def test_packed_rows_begin_before_the_row():
    table = T(I4, (3, 3), 1.0, 0, np.arange(9, dtype=np.int8).reshape(3, 3) - 4)
    (y,) = evaluate(model_of("EMBEDDING_LOOKUP", [T(I32, (1,)), table], [T(F32)], version=4), np.array([1], np.int32))
    assert y.tolist() == [[-2, -1, 0]]
