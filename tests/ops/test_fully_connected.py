"""FULLY_CONNECTED against LiteRT's reference kernels: every type, with and without bias, sparse weights, and what both refuse."""

from __future__ import annotations

import numpy as np
import pytest
from matmul_models import F32, I2, I4, I8, I16, I32, I64, U8, fully_connected, sparse, sparse_weights
from one_operator import T, both_refuse, compare, const, evaluate, model_of, refusal
from oracle import assert_equals_litert, needs_litert

INT32_BIAS = {"bias_type": I32, "options": {"quantized_bias_type": I32}}
INT64_BIAS = {"options": {"quantized_bias_type": I64}}
ASYMMETRIC = {"options": {"asymmetric_quantize_inputs": True}}


def plain(x=(3, 4), w=(2, 4), b=(2,), **options):
    """FULLY_CONNECTED in float32 with constant weights of ones."""
    operands = [T(F32, x), const(np.ones(w), np.float32), *([const(np.ones(b), np.float32)] if b else [])]
    return model_of("FULLY_CONNECTED", operands, [T(F32)], ("FullyConnectedOptions", options))


def quantized(x_type=I8, w_type=np.int8, b_type=np.int32, b_scale=0.01, x_zero_point=0, w_zero_point=0, y_type=None, **options):
    operands = [
        T(x_type, (3, 4), 0.1, x_zero_point),
        const(np.ones((2, 4)), w_type, 0.1, w_zero_point),
        const(np.ones(2), b_type, b_scale),
    ]
    return model_of("FULLY_CONNECTED", operands, [T(y_type or x_type, (), 0.5)], ("FullyConnectedOptions", options), version=11)


@needs_litert
@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("w_type", [I8, I4, I2])
@pytest.mark.parametrize("x_type", [I8, I16])
@pytest.mark.parametrize("per_axis", [True, False])
def test_fully_connected_rounds_a_float64_product(x_type, w_type, per_axis, seed):
    assert_equals_litert(fully_connected(seed, x_type, w_type, per_axis=per_axis, version=14))


@needs_litert
@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("y_type", [U8, I16])
def test_fully_connected_uint8_writes_uint8_or_int16(y_type, seed):
    assert_equals_litert(fully_connected(seed, U8, per_axis=False, y_type=y_type))


@needs_litert
@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(
    "extra", [INT32_BIAS, INT64_BIAS, {"bias": "absent"}, {"bias": "left away", "options": {"quantized_bias_type": I32}}]
)
def test_fully_connected_int16_accumulates_as_its_bias_type(extra, seed):
    assert_equals_litert(fully_connected(seed, I16, **extra))


@needs_litert
@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("per_axis", [True, False])
@pytest.mark.parametrize("extra", [INT64_BIAS, {"bias_type": I32}, {"bias": "left away"}])
def test_fully_connected_int16_by_int16_is_in_fixed_point(extra, per_axis, seed):
    assert_equals_litert(fully_connected(seed, I16, I16, per_axis=per_axis, **extra))


@needs_litert
@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("bias", ["constant", "absent", "left away"])
def test_fully_connected_float32_sums_in_the_order_of_memory(bias, seed):
    assert_equals_litert(fully_connected(seed, F32, bias=bias))


@needs_litert
@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("extra", [{}, ASYMMETRIC, {"bias": "left away"}])
@pytest.mark.parametrize("w_type", [I8, I4, I2])
def test_fully_connected_hybrid_quantizes_each_row(w_type, extra, seed):
    assert_equals_litert(fully_connected(seed, F32, w_type, version=14, **extra))
    assert_equals_litert(fully_connected(seed, F32, w_type, version=14, per_axis=False, **extra))


@needs_litert
@pytest.mark.parametrize("seed", range(6))
def test_fully_connected_hybrid_reads_uint8_weights_as_int8(seed):
    assert_equals_litert(fully_connected(seed, F32, U8, per_axis=False))


@needs_litert
@pytest.mark.parametrize("asymmetric", [False, True])
@pytest.mark.parametrize("weight", [-128, -127, 127])
def test_fully_connected_hybrid_has_litert_s_sign_errors_and_wrapped_sums(weight, asymmetric):
    depth = 3001
    options = ("FullyConnectedOptions", {"asymmetric_quantize_inputs": asymmetric})
    model = model_of(
        "FULLY_CONNECTED", [T(F32, (2, depth)), const(np.full((3, depth), weight), np.int8, 0.1)], [T(F32)], options, version=9
    )
    x = np.random.default_rng(0).normal(size=(2, depth)).astype(np.float32)
    compare(model, x)
    compare(model, np.abs(x) + 2)


@needs_litert
def test_fully_connected_hybrid_gives_the_bias_for_zeros():
    operands = [T(F32, (2, 4)), const(np.ones((3, 4)), np.int8, 0.1), const([1, -0.0, 0], np.float32)]
    for options in ({}, {"asymmetric_quantize_inputs": True}):
        model = model_of("FULLY_CONNECTED", operands, [T(F32)], ("FullyConnectedOptions", options), version=9)
        compare(model, np.zeros((2, 4), np.float32))
        compare(model, np.float32([[0, 0, 0, 0], [1, 2, 3, 0]]))


@needs_litert
@pytest.mark.parametrize("types", [(I8, I8), (F32, F32), (F32, I8)])
def test_fully_connected_takes_weights_that_are_no_constants(types):
    for seed in range(3):
        assert_equals_litert(fully_connected(seed, *types, constant=False))


@needs_litert
@pytest.mark.parametrize("type", [F32, I8])
def test_fully_connected_leaves_out_what_is_behind_the_last_whole_row(type):
    for x_shape in ((3, 5), (2, 7), (9,)):
        compare(fully_connected(4, type, x_shape=x_shape, w_shape=(2, 4), options={"keep_num_dims": False}))


@needs_litert
@pytest.mark.parametrize("scale", [1e-9, 1e-4, 1e3, 1e9, 3e37])
@pytest.mark.parametrize("type", [I8, I16])
def test_fully_connected_casts_to_int32_as_x86_does_for_absurd_scales(type, scale):
    operands = [
        T(type, (3, 4), 1.0, 0 if type == I16 else 5),
        const(np.random.default_rng(0).integers(-127, 127, (2, 4)), np.int8, [1.0, 0.5]),
        const([2**31 - 1, -(2**31)], np.int64 if type == I16 else np.int32, [1.0, 0.5]),
    ]
    for zero_point in (0,) if type == I16 else (-100, 100):
        compare(model_of("FULLY_CONNECTED", operands, [T(type, (), scale, zero_point)], ("FullyConnectedOptions", {}), version=7))


@needs_litert
@pytest.mark.parametrize("shape", [(0, 4), (2, 0, 4)])
def test_fully_connected_takes_an_empty_batch(shape):
    for types in ((F32, F32), (I8, I8), (F32, I8)):
        model = fully_connected(0, *types, x_shape=shape, w_shape=(3, 4))
        for kernels in ("numba", "numpy"):
            assert evaluate(model, np.zeros(shape, types[0].dtype), kernels=kernels)[0].size == 0


@needs_litert
@pytest.mark.parametrize("block", [1, 4])
def test_fully_connected_float32_takes_sparse_weights_in_any_form(block):
    compare(sparse(F32, sparse_weights(np.float32), block, bias=np.arange(6, dtype=np.float32)))


@needs_litert
@pytest.mark.parametrize("per_axis", [True, False])
def test_fully_connected_int8_sparse_is_in_fixed_point(per_axis):
    scale = np.linspace(0.02, 0.2, 6) if per_axis else 0.1
    compare(sparse(I8, sparse_weights(np.int8), 16, scale=scale, bias=np.arange(-300, 300, 100, dtype=np.int32)))


@needs_litert
@pytest.mark.parametrize("asymmetric", [False, True])
@pytest.mark.parametrize("per_axis", [True, False])
def test_fully_connected_hybrid_takes_sparse_weights(per_axis, asymmetric):
    scale = np.linspace(0.02, 0.2, 6) if per_axis else 0.1
    for weights in (sparse_weights(np.int8), np.full((6, 64), -128, np.int8)):
        compare(sparse(F32, weights, 16, scale=scale, bias=np.ones(6, np.float32), asymmetric_quantize_inputs=asymmetric))


@needs_litert
def test_fully_connected_refuses_quantized_sparse_weights_in_other_blocks():
    assert "expected blocks of 1 x 16" in both_refuse(sparse(I8, sparse_weights(np.int8), 4, scale=0.1))


@needs_litert
@pytest.mark.parametrize(
    ("model", "message"),
    [
        (plain(w=(2, 4, 1)), "expected [O, I]"),
        (plain(b=(3,)), "expected [2]"),
        (plain((8, 2), keep_num_dims=True), "keep_num_dims needs a last dimension of 4"),
        (plain(fused_activation_function=4), "activation function TANH"),
        (quantized(U8, np.uint8, b_scale=0.5), "has scale 0.5; expected"),
        (quantized(I8, b_scale=0.5), "has scale 0.5; expected"),
        (quantized(I16, b_type=np.int64, x_zero_point=1), "need the zero point 0"),
        (quantized(I16, quantized_bias_type=I64), "has type INT32; expected INT64"),
        (quantized(I16, quantized_bias_type=I8), "quantized_bias_type is 9"),
        (quantized(I8, np.int16), "has type INT16"),
        (quantized(I8, b_type=np.float32), "has type FLOAT32"),
        (quantized(I8, y_type=I32), "has type INT32"),
    ],
)
def test_fully_connected_refuses_what_litert_refuses(model, message):
    assert message in both_refuse(model)


def test_fully_connected_refuses_what_litert_reads_past_the_end_or_from_before():
    assert "expected INT64, or else say its type" in refusal(quantized(I16))
    assert "are not constant" in refusal(fully_connected(0, F32, I8, constant=False, **ASYMMETRIC))
    assert "weights_format is not DEFAULT" in refusal(plain(weights_format=1))
    assert "no quantization parameters" in refusal(
        model_of("FULLY_CONNECTED", [T(F32, (1, 4)), const(np.ones((2, 4)), np.int8)], [T(F32)], ("FullyConnectedOptions", {}))
    )
    assert "expected rows of 1 element or more" in refusal(plain((3, 0), (2, 0)))
