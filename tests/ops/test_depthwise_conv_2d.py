"""DEPTHWISE_CONV_2D against LiteRT's reference kernels: every type, depth multipliers, and what both refuse."""

from __future__ import annotations

import numpy as np
import pytest
from explanations import check_some_explanations
from matmul_models import F32, I4, I8, I16, U8, depthwise_conv_2d
from one_operator import T, both_refuse, compare, const, evaluate, model_of, refusal
from oracle import assert_equals_litert, needs_litert


def plain(image=(1, 4, 4, 2), filter=(1, 2, 2, 4), bias=(4,), **options):
    """DEPTHWISE_CONV_2D in float32 with constant weights of ones."""
    operands = [T(F32, image), const(np.ones(filter), np.float32), const(np.ones(bias), np.float32)]
    options = {"padding": 1, "stride_h": 1, "stride_w": 1, "depth_multiplier": 2, **options}
    return model_of("DEPTHWISE_CONV_2D", operands, [T(F32)], ("DepthwiseConv2DOptions", options))


@needs_litert
@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("type", [I8, I16])
@pytest.mark.parametrize("per_axis", [True, False])
def test_depthwise_conv_2d_rescales_each_channel(type, per_axis, seed):
    assert_equals_litert(depthwise_conv_2d(seed, type, per_axis=per_axis))


@needs_litert
@pytest.mark.parametrize("seed", range(10))
def test_depthwise_conv_2d_uint8_takes_the_zero_point_of_the_weights_off(seed):
    assert_equals_litert(depthwise_conv_2d(seed, U8, per_axis=False))


@needs_litert
@pytest.mark.parametrize("seed", range(6))
def test_depthwise_conv_2d_int4_weights_are_those_of_int8(seed):
    assert_equals_litert(depthwise_conv_2d(seed, I8, I4))


@needs_litert
@pytest.mark.parametrize("seed", range(12))
def test_depthwise_conv_2d_float32_sums_in_the_order_of_the_filter(seed):
    assert_equals_litert(depthwise_conv_2d(seed, F32))


@needs_litert
@pytest.mark.parametrize("seed", range(12))
def test_depthwise_conv_2d_hybrid_quantizes_each_image(seed):
    assert_equals_litert(depthwise_conv_2d(seed, F32, I8))


@needs_litert
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("types", [(I8, I8), (U8, U8), (I16, I8), (F32, F32), (F32, I8)])
def test_depthwise_conv_2d_runs_without_bias(types, seed):
    assert_equals_litert(depthwise_conv_2d(seed, *types, per_axis=types[0] != U8, has_bias=False))


@needs_litert
@pytest.mark.parametrize("multiplier", [1, 2, 5, 8])
@pytest.mark.parametrize("types", [(I8, I8), (I16, I8), (F32, F32), (F32, I8)])
def test_depthwise_conv_2d_output_channel_sees_input_channel_by_the_depth_multiplier(types, multiplier):
    for seed in range(3):
        assert_equals_litert(depthwise_conv_2d(seed, *types, multiplier=multiplier))


@needs_litert
@pytest.mark.parametrize("types", [(I8, I8), (F32, F32)])
def test_depthwise_conv_2d_takes_weights_that_are_no_constants(types):
    for seed in range(3):
        assert_equals_litert(depthwise_conv_2d(seed, *types, constant=False))


@needs_litert
def test_depthwise_conv_2d_derives_the_depth_multiplier_from_the_shapes():
    compare(plain(depth_multiplier=7))
    compare(depthwise_conv_2d(1, I8, multiplier=2, options={"depth_multiplier": 9}))
    for types in ((I16, I8), (F32, I8)):
        model = depthwise_conv_2d(1, *types, multiplier=2, options={"depth_multiplier": 9})
        assert "depth_multiplier is 9; expected 2" in refusal(model)


@needs_litert
@pytest.mark.parametrize("scale", [1e-12, 1e-6, 1e3, 1e9, 3e37])
@pytest.mark.parametrize("type", [I8, I16])
def test_depthwise_conv_2d_shifts_and_wraps_as_x86_does_for_absurd_scales(type, scale):
    rng = np.random.default_rng(1)
    x = T(type, (1, 3, 3, 4), 1.0, 0 if type == I16 else 5)
    w, b = (
        const(rng.integers(-127, 127, (1, 2, 2, 4)), np.int8, 1.0),
        const([2**31 - 1, -(2**31), 5, -7], np.int64 if type == I16 else np.int32, 1.0),
    )
    options = ("DepthwiseConv2DOptions", {"stride_h": 1, "stride_w": 1, "depth_multiplier": 1})
    compare(model_of("DEPTHWISE_CONV_2D", [x, w, b], [T(type, (), scale, 0 if type == I16 else 100)], options, version=4))


def test_depthwise_conv_2d_pads_with_the_input_zero_point():
    x = T(I8, (1, 1, 1, 1), 1.0, 7)
    w, b = const(np.ones((1, 3, 3, 1)), np.int8, 1.0), const([0], np.int32, 1.0)
    options = ("DepthwiseConv2DOptions", {"padding": 0, "stride_h": 1, "stride_w": 1, "depth_multiplier": 1})
    for kernels in ("numba", "numpy"):
        model = model_of("DEPTHWISE_CONV_2D", [x, w, b], [T(I8, (), 1.0, 0)], options)
        assert evaluate(model, np.full((1, 1, 1, 1), 9, np.int8), kernels=kernels)[0].item() == 9 - 7


@needs_litert
@pytest.mark.parametrize(
    ("model", "message"),
    [
        (plain(stride_h=0), "stride_h is 0"),
        (plain(stride_w=2**15), "stride_w is 32768"),
        (plain(dilation_w_factor=0), "dilation_w_factor is 0"),
        (plain(dilation_w_factor=2**15, padding=0), "dilation_w_factor is 32768"),
        (plain((1, 4, 4)), "expected 4 dimensions"),
        (plain(filter=(2, 2, 2, 4)), "expected 1 as its first dimension"),
        (plain(filter=(1, 2, 2, 3), bias=(3,)), "a multiple of the 2 channels"),
        (plain(filter=(1, 7, 2, 4)), "reaches over 7 positions along h"),
        (plain((1, 0, 4, 2)), "the image has the size 0"),
        (plain(filter=(1, 2, 2, 0), bias=(0,)), "no output channels"),
        (plain(bias=(3,)), "expected [4]"),
        (plain(bias=(1, 4)), "expected [4]"),
    ],
)
def test_depthwise_conv_2d_refuses_what_litert_refuses(model, message):
    assert message in both_refuse(model)


@needs_litert
def test_depthwise_conv_2d_refuses_an_absent_bias_but_not_a_missing_one():
    operands = [T(F32, (1, 4, 4, 2)), const(np.ones((1, 2, 2, 4)), np.float32)]
    options = ("DepthwiseConv2DOptions", {"stride_h": 1, "stride_w": 1})
    assert "leave the third input away" in both_refuse(model_of("DEPTHWISE_CONV_2D", [*operands, None], [T(F32)], options))
    compare(model_of("DEPTHWISE_CONV_2D", operands, [T(F32)], options))


def test_depthwise_conv_2d_refuses_weights_that_kernels_would_misread():
    assert "has type INT4; expected INT8" in refusal(depthwise_conv_2d(0, I16, I4))
    assert "quantize them per axis 3" in refusal(depthwise_conv_2d(3, F32, I8, per_axis=False))
    x, y = T(I16, (1, 4, 4, 2), 0.1), T(I16, (), 1.0)
    operands = [x, const(np.ones((1, 2, 2, 2)), np.int8, 0.1), const(np.ones(2), np.int32, 0.01)]
    options = ("DepthwiseConv2DOptions", {"stride_h": 1, "stride_w": 1, "depth_multiplier": 1})
    assert "has type INT32; expected INT64" in refusal(model_of("DEPTHWISE_CONV_2D", operands, [y], options))


@needs_litert
@pytest.mark.parametrize("activation", [0, 1, 3])
@pytest.mark.parametrize(("columns", "channels"), [(5, 1), (3, 2), (1, 17), (3, 17), (2, 8), (400, 13)])
def test_nan_of_overflow_becomes_the_upper_limit_behind_the_last_four_numbers_of_a_row(columns, channels, activation):
    x = np.full((1, 2, columns + 1, channels), 3e38, np.float32)
    x[0, 0] = 1
    w = np.float32([3, -3]).repeat(channels).reshape(1, 1, 2, channels)
    fields = {"padding": 1, "stride_w": 1, "stride_h": 1, "depth_multiplier": 1, "fused_activation_function": activation}
    fields |= {"dilation_w_factor": 1, "dilation_h_factor": 1}
    operands = [T(F32, x.shape), const(w, np.float32), const(np.zeros(channels), np.float32)]
    output = T(F32, (1, 2, columns, channels))
    model = model_of("DEPTHWISE_CONV_2D", operands, [output], ("DepthwiseConv2DOptions", fields))
    assert_equals_litert(model, [{0: x}], "optimized")
    check_some_explanations(model, "litert-optimized", x)
