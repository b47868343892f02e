"""CONV_2D against LiteRT's reference kernels: every type, windows with edges, and what both refuse."""

from __future__ import annotations

import numpy as np
import pytest
from matmul_models import F32, I4, I8, I16, I32, I64, U8, conv_2d
from one_operator import T, both_refuse, compare, const, evaluate, model_of, refusal
from oracle import assert_equals_litert, needs_litert

INT32_BIAS = {"bias_type": I32, "options": {"quantized_bias_type": I32}}


def plain(image=(1, 4, 4, 2), filter=(3, 2, 2, 2), bias=(3,), **options):
    """CONV_2D in float32 with constant weights of ones."""
    operands = [T(F32, image), const(np.ones(filter), np.float32), const(np.ones(bias), np.float32)]
    return model_of("CONV_2D", operands, [T(F32)], ("Conv2DOptions", {"padding": 1, "stride_h": 1, "stride_w": 1, **options}))


def quantized(x_type=I8, w_zero_point=0, b_scale=0.01, b_zero_point=0, b_type=np.int32, w_scale=0.1):
    x, y = T(x_type, (1, 4, 4, 2), 0.1), T(x_type, (), 0.5)
    w_dtype = np.uint8 if x_type == U8 else np.int8
    w = const(np.ones((3, 2, 2, 2)), w_dtype, w_scale, w_zero_point)
    b = const(np.ones(3), b_type, b_scale, b_zero_point)
    return model_of("CONV_2D", [x, w, b], [y], ("Conv2DOptions", {"stride_h": 1, "stride_w": 1}))


@needs_litert
@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("types", [(I8, I8), (I8, I4), (I16, I8), (I16, I4)])
@pytest.mark.parametrize("per_axis", [True, False])
def test_conv_2d_rescales_each_output_channel(types, per_axis, seed):
    assert_equals_litert(conv_2d(seed, *types, per_axis=per_axis))


@needs_litert
@pytest.mark.parametrize("seed", range(10))
def test_conv_2d_uint8_takes_the_zero_point_of_the_weights_off(seed):
    assert_equals_litert(conv_2d(seed, U8, per_axis=False))


@needs_litert
@pytest.mark.parametrize("seed", range(8))
def test_conv_2d_int16_with_int32_bias_accumulates_in_32_bits_and_rounds_twice(seed):
    assert_equals_litert(conv_2d(seed, I16, **INT32_BIAS))


@needs_litert
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("types", [(I8, I8), (U8, U8), (I16, I8), (F32, F32), (F32, I8)])
@pytest.mark.parametrize("groups", [2, 3])
def test_conv_2d_groups_see_their_own_channels(types, groups, seed):
    assert_equals_litert(conv_2d(seed, *types, per_axis=types[0] != U8, groups=groups))


@needs_litert
@pytest.mark.parametrize("seed", range(12))
def test_conv_2d_float32_sums_in_the_order_of_the_filter(seed):
    assert_equals_litert(conv_2d(seed, F32))


@needs_litert
@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("w_type", [I8, I4])
@pytest.mark.parametrize("per_axis", [True, False])
def test_conv_2d_hybrid_quantizes_each_image(w_type, per_axis, seed):
    assert_equals_litert(conv_2d(seed, F32, w_type, per_axis=per_axis))


@needs_litert
@pytest.mark.parametrize("types", [(I8, I8), (F32, F32)])
def test_conv_2d_takes_weights_that_are_no_constants(types):
    for seed in range(3):
        assert_equals_litert(conv_2d(seed, *types, constant=False))


@needs_litert
def test_conv_2d_hybrid_has_the_wrong_sign_for_the_least_weight():
    rng = np.random.default_rng(0)
    for channels in (3, 4):
        w = const(np.full((channels, 3, 3, 2), -128), np.int8, 0.1)
        model = model_of(
            "CONV_2D",
            [T(F32, (2, 4, 4, 2)), w, const(np.zeros(channels), np.float32)],
            [T(F32)],
            ("Conv2DOptions", {"stride_h": 1, "stride_w": 1}),
        )
        x = rng.normal(size=(2, 4, 4, 2)).astype(np.float32)
        compare(model, x)
        y = evaluate(model, -np.abs(x))[0]
        assert (y < 0).any() == (channels == 3)


@needs_litert
@pytest.mark.parametrize("scale", [1e-12, 1e-6, 1e3, 1e9, 3e37])
@pytest.mark.parametrize("type", [I8, U8, I16])
def test_conv_2d_shifts_and_wraps_as_x86_does_for_absurd_scales(type, scale):
    rng = np.random.default_rng(1)
    w_dtype, zero_point = (np.uint8, 3) if type == U8 else (np.int8, 0)
    x = T(type, (1, 3, 3, 4), 1.0, 0 if type == I16 else 5)
    w = const(rng.integers(0, 127, (2, 2, 2, 4)), w_dtype, 1.0, zero_point)
    b = const([2**31 - 1, -(2**31)], np.int64 if type == I16 else np.int32, 1.0)
    y = T(type, (), scale, 0 if type == I16 else 100)
    if type == U8 and scale < 1e-9:
        pytest.skip("the bias scale is checked against the output's")
    compare(model_of("CONV_2D", [x, w, b], [y], ("Conv2DOptions", {"stride_h": 1, "stride_w": 1}), version=4))


@needs_litert
def test_conv_2d_accumulator_wraps_at_32_bits():
    x, w = T(I8, (1, 1, 1, 8), 1.0, -128), const(np.full((1, 1, 1, 8), 127), np.int8, 1.0)
    model = model_of(
        "CONV_2D",
        [x, w, const([2**31 - 1], np.int32, 1.0)],
        [T(I8, (), 1e7)],
        ("Conv2DOptions", {"stride_h": 1, "stride_w": 1}),
        3,
    )
    compare(model, np.full((1, 1, 1, 8), 127, np.int8))
    assert evaluate(model, np.full((1, 1, 1, 8), 127, np.int8))[0] == -128


def test_conv_2d_pads_with_the_input_zero_point():
    x = T(I8, (1, 1, 1, 1), 1.0, 7)
    w, b = const(np.ones((1, 3, 3, 1)), np.int8, 1.0), const([0], np.int32, 1.0)
    options = ("Conv2DOptions", {"padding": 0, "stride_h": 1, "stride_w": 1})
    for kernels in ("numba", "numpy"):
        y = evaluate(
            model_of("CONV_2D", [x, w, b], [T(I8, (), 1.0, 0)], options), np.full((1, 1, 1, 1), 9, np.int8), kernels=kernels
        )
        assert y[0].item() == 9 - 7


@needs_litert
@pytest.mark.parametrize("padding", [0, 1])
@pytest.mark.parametrize("stride", [1, 3])
def test_conv_2d_takes_filters_larger_than_the_image(padding, stride):
    for image, kernel in (((2, 5), (4, 2)), ((5, 2), (2, 4)), ((3, 1), (5, 2))):
        model = plain((1, *image, 2), (3, *kernel, 2), padding=padding, stride_h=stride, stride_w=stride)
        if padding == 1 and stride == 1:
            assert "reaches over" in both_refuse(model)
        elif padding == 0:
            compare(model)
        else:
            assert evaluate(model, np.ones((1, *image, 2), np.float32))[0].size == 0


@needs_litert
@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan, 3e38])
def test_conv_2d_float32_skips_taps_outside_the_image_even_where_weights_are_not_finite(value):
    w = np.ones((1, 2, 2, 1), np.float32)
    w[0, 1, 1] = value
    operands = [T(F32, (1, 2, 2, 1)), const(w, np.float32), const([1], np.float32)]
    model = model_of("CONV_2D", operands, [T(F32)], ("Conv2DOptions", {"padding": 0, "stride_h": 1, "stride_w": 1}))
    compare(model, np.float32([1e10, -2, 3e5, 4]).reshape(1, 2, 2, 1))


@needs_litert
@pytest.mark.parametrize(
    ("model", "message"),
    [
        (plain(stride_h=0), "stride_h is 0"),
        (plain(stride_w=-1), "stride_w is -1"),
        (plain(stride_w=2**15, padding=0), "stride_w is 32768"),
        (plain(dilation_h_factor=0), "dilation_h_factor is 0"),
        (plain((1, 4, 4)), "expected 4 dimensions"),
        (plain(filter=(3, 2, 2)), "expected 4 dimensions"),
        (plain((1, 4, 4, 3)), "a divisor of the 3 channels"),
        (plain((1, 4, 4, 4)), "a multiple of 2 groups"),
        (plain((1, 0, 4, 2)), "the image has the size 0 along h"),
        (plain(filter=(3, 0, 2, 2)), "the filter has the size 0 along h"),
        (plain(filter=(0, 2, 2, 2), bias=(0,)), "no output channels"),
        (plain(bias=(2,)), r"expected [3]"),
        (quantized(w_zero_point=1), "expected 0 with INT8 inputs"),
        (quantized(b_zero_point=1), "has zero point [1]; expected 0"),
        (quantized(U8, b_scale=0.5), "has scale 0.5; expected"),
        (quantized(b_type=np.int64), "expected INT32"),
        (quantized(U8, w_scale=[0.1, 0.2, 0.3]), "one scale"),
        (quantized(x_type=I16, b_type=np.int16), "has type INT16"),
    ],
)
def test_conv_2d_refuses_what_litert_refuses(model, message):
    assert message in both_refuse(model)


def test_conv_2d_needs_a_bias():
    operands = [T(F32, (1, 4, 4, 2)), const(np.ones((3, 2, 2, 2)), np.float32)]
    options = ("Conv2DOptions", {"stride_h": 1, "stride_w": 1})
    assert "input 2 is missing" in refusal(model_of("CONV_2D", operands, [T(F32)], options))
    assert "input 2 is missing" in refusal(model_of("CONV_2D", [*operands, None], [T(F32)], options))


def test_conv_2d_refuses_an_int32_bias_that_int16_kernels_would_read_as_int64():
    assert "expected INT64, or else say its type in quantized_bias_type" in refusal(conv_2d(0, I16, bias_type=I32))
    assert "expected INT32" in refusal(conv_2d(0, I16, bias_type=I64, options={"quantized_bias_type": I32}))


def test_conv_2d_refuses_other_types_and_an_absent_options_table():
    assert "has type INT32" in refusal(model_of("CONV_2D", [T(I32, (1, 4, 4, 2))] * 3, [T(F32)], ("Conv2DOptions", {})))
    operands = [T(F32, (1, 4, 4, 2)), const(np.ones((3, 2, 2, 2)), np.float32), const(np.ones(3), np.float32)]
    assert "stride_h is 0" in refusal(model_of("CONV_2D", operands, [T(F32)]))
    assert "activation function TANH" in refusal(plain(fused_activation_function=4))
