"""TRANSPOSE_CONV against LiteRT's reference kernels: every type, output shapes known early and late, and what both refuse."""

from __future__ import annotations

import numpy as np
import pytest
from matmul_models import F32, I8, I16, I32, U8, transpose_conv
from one_operator import T, both_refuse, compare, const, evaluate, model_of, refusal
from oracle import assert_equals_litert, needs_litert, random_array

from qref.schema import TensorType

INT32_BIAS = {"bias_type": I32, "options": {"quantized_bias_type": I32}, "version": 5}
TYPES = [(I8, I8), (U8, U8), (I16, I8), (F32, F32), (F32, I8)]


def plain(shape=(1, 4, 4, 3), filter=(3, 2, 2, 2), image=(1, 4, 4, 2), shape_type=np.int32, **options):
    """TRANSPOSE_CONV in float32 with constant weights of ones."""
    operands = [const(shape, shape_type), const(np.ones(filter), np.float32), T(F32, image)]
    return model_of("TRANSPOSE_CONV", operands, [T(F32)], ("TransposeConvOptions", {"stride_h": 1, "stride_w": 1, **options}))


@needs_litert
@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("types", TYPES)
def test_transpose_conv_spreads_the_input_over_the_output(types, seed):
    assert_equals_litert(transpose_conv(seed, *types, per_axis=types[0] != U8))


@needs_litert
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("types", [(I8, I8), (I16, I8), (F32, I8)])
def test_transpose_conv_takes_one_scale_for_all_weights(types, seed):
    assert_equals_litert(transpose_conv(seed, *types, per_axis=False))


@needs_litert
@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("bias", ["constant", "left away"])
def test_transpose_conv_int16_with_int32_bias_accumulates_in_32_bits(bias, seed):
    assert_equals_litert(transpose_conv(seed, I16, bias=bias, **INT32_BIAS))


@needs_litert
@pytest.mark.parametrize("bias", ["absent", "left away"])
@pytest.mark.parametrize("types", TYPES)
def test_transpose_conv_runs_without_bias(types, bias):
    for seed in range(3):
        assert_equals_litert(transpose_conv(seed, *types, per_axis=types[0] != U8, bias=bias))


@needs_litert
@pytest.mark.parametrize("types", TYPES)
def test_transpose_conv_takes_its_output_shape_from_a_graph_input(types):
    for seed in range(4):
        fixed = transpose_conv(seed, *types, per_axis=types[0] != U8)
        model = transpose_conv(seed, *types, per_axis=types[0] != U8, shape_is_input=True)
        graph = fixed.subgraphs[0]
        shape = fixed.data(graph.tensors[graph.operators[0].inputs[0]])
        x = graph.tensors[graph.inputs[0]]
        rounds = [{0: shape, 1: random_array(np.random.default_rng(r), x.shape, x.type.dtype)} for r in range(2)]
        assert_equals_litert(model, rounds)


@needs_litert
@pytest.mark.parametrize("types", [(I8, I8), (F32, F32)])
def test_transpose_conv_takes_weights_that_are_no_constants(types):
    for seed in range(3):
        assert_equals_litert(transpose_conv(seed, *types, constant=False))


@needs_litert
@pytest.mark.parametrize("type", [I8, U8])
def test_transpose_conv_ignores_the_zero_point_of_signed_weights_alone(type):
    w = const(np.arange(36).reshape(3, 2, 3, 2), np.uint8 if type == U8 else np.int8, 0.5, 9)
    operands = [const([1, 4, 4, 3]), w, T(type, (1, 4, 4, 2), 0.1, 3)]
    compare(model_of("TRANSPOSE_CONV", operands, [T(type, (), 9.0, 5)], ("TransposeConvOptions", {"stride_h": 1, "stride_w": 1})))


def test_transpose_conv_with_stride_2_leaves_gaps_of_the_output_zero_point():
    operands = [const([1, 3, 3, 1]), const(np.ones((1, 1, 1, 1)), np.int8, 1.0), T(I8, (1, 2, 2, 1), 1.0)]
    model = model_of("TRANSPOSE_CONV", operands, [T(I8, (), 1.0, 5)], ("TransposeConvOptions", {"stride_h": 2, "stride_w": 2}))
    for kernels in ("numba", "numpy"):
        y = evaluate(model, np.int8([1, 2, 3, 4]).reshape(1, 2, 2, 1), kernels=kernels)[0]
        assert y[0, ..., 0].tolist() == [[6, 5, 7], [5, 5, 5], [8, 5, 9]]


@needs_litert
@pytest.mark.parametrize(
    ("model", "message"),
    [
        (plain(stride_h=0), "stride_h is 0"),
        (plain(stride_h=2**15), "stride_h is 32768"),
        (plain((2, 4, 4, 3)), "expected batch 1 and 3 channels"),
        (plain((1, 4, 4, 2)), "expected batch 1 and 3 channels"),
        (plain((1, -4, 4, 3)), "no dimension may be negative"),
        (plain((1, 0, 4, 3)), "the image has the size 0"),
        (plain((1, 4, 4, 3, 1)), "expected [4]"),
        (plain((1, 5, 4, 3)), "expected that of tensor 2 ('x2'), [4, 4]"),
        (plain(filter=(3, 2, 2, 1)), "expected as many"),
        (plain(filter=(3, 2, 2)), "expected 4 dimensions"),
        (plain(shape_type=np.int64), "has type INT64; expected INT32"),
        (plain((1, 4, 4, 3), (3, 7, 2, 2), (1, 2, 2, 2), padding=1), "reaches over 7 positions"),
    ],
)
def test_transpose_conv_refuses_what_litert_refuses(model, message):
    assert message in both_refuse(model)


def test_transpose_conv_refuses_weights_and_bias_that_kernels_would_misread():
    assert "expected INT64, or else say its type" in refusal(transpose_conv(0, I16, bias_type=I32))
    assert "has type INT4; expected INT8" in refusal(transpose_conv(0, I8, TensorType.INT4))


@needs_litert
def test_transpose_conv_refuses_a_bad_output_shape_while_it_runs():
    model = transpose_conv(0, F32, shape_is_input=True)
    x = model.subgraphs[0].tensors[model.subgraphs[0].inputs[1]]
    for shape in ([1, -1, 2**30, 1], [2**30, 2**30, 2**30, 2**30], [0, 0, 0, 0]):
        assert both_refuse(model, np.int32(shape), np.zeros(x.shape, np.float32))
