"""Explanations of the matmul family in every runtime: they end in the reference's bits, and every step can be computed again."""

from __future__ import annotations

import math

import numpy as np
import pytest
from explanations import check_some_explanations
from matmul_models import (
    F32,
    I2,
    I4,
    I8,
    I16,
    I32,
    U8,
    batch_matmul,
    conv_2d,
    depthwise_conv_2d,
    fully_connected,
    sparse,
    sparse_weights,
    transpose_conv,
)
from one_operator import T, const, model_of, with_declared_shapes

from qref.ops._eigen import l1_cache_bytes

REFERENCE, OPTIMIZED, XNNPACK = "litert-reference", "litert-optimized", "xnnpack"
RUNTIMES = pytest.mark.parametrize("runtime", [REFERENCE, OPTIMIZED, XNNPACK])
INT32_BIAS = {"bias_type": I32, "options": {"quantized_bias_type": I32}}
ASYMMETRIC = {"options": {"asymmetric_quantize_inputs": True}}
FAMILY = pytest.mark.parametrize("build", [fully_connected, conv_2d, depthwise_conv_2d, transpose_conv, batch_matmul])
BATCHES = [((2, 3), (2, 3)), ((2, 1), (3,)), ((2, 3, 2), (1, 1, 2)), ((3,), (2, 1)), ((2, 3), (2, 1)), ((2, 2), ())]


def explained(model, runtime, *inputs, **extra):
    return check_some_explanations(with_declared_shapes(model), runtime, *inputs, **extra)


@RUNTIMES
@pytest.mark.parametrize("types", [(I8, I8), (U8, U8), (I16, I8)])
def test_integer_transpose_conv_is_explained(types, runtime):
    for seed in range(6):
        explained(transpose_conv(seed, *types, per_axis=types[0] != U8, bias=("constant", "absent")[seed % 2]), runtime)


@RUNTIMES
@pytest.mark.parametrize("build", [fully_connected, conv_2d, transpose_conv])
def test_int16_with_an_int32_bias_is_explained(build, runtime):
    for seed in range(3):
        explained(build(seed, I16, **INT32_BIAS), runtime)


@RUNTIMES
@pytest.mark.parametrize(
    "fields", [{"x_type": I8}, {"x_type": I8, "constant": True}, {"x_type": I16}, {"x_type": I8, "y_type": I32}]
)
def test_integer_batch_matmul_is_explained(fields, runtime):
    for seed in range(6):
        explained(batch_matmul(seed, **fields), runtime)


@pytest.mark.parametrize("runtime", [OPTIMIZED, XNNPACK])
@pytest.mark.parametrize("build", [fully_connected, conv_2d, depthwise_conv_2d])
@pytest.mark.parametrize("type", [I8, U8])
def test_8_bit_forms_are_explained_as_each_runtime_rounds(type, build, runtime):
    for seed in range(4):
        explained(build(seed, type, per_axis=type == I8), runtime)


@RUNTIMES
@FAMILY
def test_float32_sums_are_explained(build, runtime):
    for seed in range(8):
        explained(build(seed, F32), runtime)
    if build in (fully_connected, transpose_conv):
        explained(build(1, F32, bias="absent"), runtime)


@RUNTIMES
def test_convolutions_by_channel_and_by_group_are_explained(runtime):
    for seed in range(4):
        explained(conv_2d(seed, F32, groups=3), runtime)
        explained(conv_2d(seed, F32, I8, groups=2), runtime)
        explained(depthwise_conv_2d(seed, F32, multiplier=1, has_bias=runtime == XNNPACK), runtime)
    operands = [T(F32, (1, 6, 7, 4)), const(np.random.default_rng(0).normal(size=(4, 3, 2, 1)), np.float32)]
    options = ("Conv2DOptions", {"padding": 0, "stride_h": 2, "stride_w": 1})
    explained(model_of("CONV_2D", [*operands, const(np.arange(4), np.float32)], [T(F32)], options), runtime)


@pytest.mark.parametrize(
    ("rows", "depth", "units"),
    [
        (1, 45, 1),
        (1, 70, 9),
        (9, 70, 1),
        (3, 13, 2),
        (2, 9, 2),
        (7, 60, 39),
        (6, 30, 14),
        (9, 700, 15),
        (5, 1500, 7),
        (4, 2900, 5),
    ],
)
def test_eigen_s_order_is_explained(rows, depth, units):
    model = fully_connected(depth, F32, x_shape=(rows, depth), w_shape=(units, depth))
    longest = (l1_cache_bytes() - 128) // 48 // 8 * 8
    for explanation in explained(model, OPTIMIZED, count=8):
        assert len(explanation.value("products")) == depth
        assert any(step.name.startswith("panel_") for step in explanation) == (depth > longest)


@RUNTIMES
@FAMILY
def test_hybrid_forms_are_explained(build, runtime):
    for seed in range(6):
        explained(build(seed, F32, I8), runtime)


@RUNTIMES
@pytest.mark.parametrize(("w_type", "per_axis"), [(I8, True), (I4, True), (I4, False), (I2, True), (I2, False)])
@pytest.mark.parametrize("options", [{}, ASYMMETRIC])
def test_hybrid_fully_connected_is_explained_with_packed_weights(options, w_type, per_axis, runtime):
    for seed, shape in enumerate([(5, 40), (9, 64)]):
        fields = {"per_axis": per_axis, "x_shape": (3, shape[1]), "w_shape": shape, "version": 14}
        explained(fully_connected(seed, F32, w_type, **fields, **options), runtime)


@RUNTIMES
def test_hybrid_conv_2d_is_explained_with_one_scale_and_with_filters_of_one_tap(runtime):
    for seed in range(6):
        explained(conv_2d(seed, F32, (I8, I4)[seed % 2] if runtime != XNNPACK else I4, per_axis=False), runtime)
    w, b = const(np.random.default_rng(0).integers(-127, 128, (3, 1, 1, 5)), np.int8, 0.02), const([1, -2, 3], np.float32)
    options = ("Conv2DOptions", {"padding": 0, "stride_h": 1, "stride_w": 1})
    (explanation, *_) = explained(model_of("CONV_2D", [T(F32, (2, 3, 4, 5)), w, b], [T(F32)], options), runtime)
    assert ("row" in [step.name for step in explanation]) == (runtime != XNNPACK)


@pytest.mark.parametrize("runtime", [REFERENCE, OPTIMIZED])
@pytest.mark.parametrize("asymmetric", [False, True])
@pytest.mark.parametrize("batches", BATCHES)
def test_hybrid_batch_matmul_is_explained_with_the_scales_that_litert_takes(batches, asymmetric, runtime):
    names = set()
    for seed in range(4):
        model = batch_matmul(seed, F32, I8, batches=batches, asymmetric=asymmetric, per_axis=seed % 2 == 0)
        names |= {step.name for explanation in explained(model, runtime, count=9) for step in explanation}
    if batches == ((2, 3), (2, 3)):
        assert "x_taken" in names
        assert ("w_taken" in names) == asymmetric


@pytest.mark.parametrize("runtime", [REFERENCE, OPTIMIZED])
@pytest.mark.parametrize("per_axis", [False, True])
@pytest.mark.parametrize("asymmetric", [False, True])
def test_sparse_weights_are_explained(asymmetric, per_axis, runtime):
    scale, bias = np.linspace(0.02, 0.2, 6) if per_axis else 0.1, np.ones(6, np.float32)
    for weights in (sparse_weights(np.int8), np.full((6, 64), -128, np.int8)):
        explained(sparse(F32, weights, 16, scale=scale, bias=bias, asymmetric_quantize_inputs=asymmetric), runtime)
    explained(sparse(I8, sparse_weights(np.int8), 16, scale=scale, bias=np.arange(6, dtype=np.int32)), runtime)
    explained(sparse(F32, sparse_weights(np.float32), 4, bias=bias), runtime)


@pytest.mark.parametrize("asymmetric", [False, True])
def test_hybrid_sign_errors_and_wrapped_lanes_are_explained(asymmetric):
    options = ("FullyConnectedOptions", {"asymmetric_quantize_inputs": asymmetric})
    w = const(np.full((3, 3001), -128), np.int8, 0.1)
    model = model_of("FULLY_CONNECTED", [T(F32, (2, 3001)), w], [T(F32)], options, version=9)
    names = {step.name for step in explained(model, REFERENCE, count=1)[0]}
    assert "flipped" in names
    assert ("lane_7_w" in names) == asymmetric
    conv = const(np.full((3, 3, 3, 2), -128), np.int8, 0.1)
    operands = [T(F32, (2, 4, 4, 2)), conv, const(np.zeros(3), np.float32)]
    explanations = explained(
        model_of("CONV_2D", operands, [T(F32)], ("Conv2DOptions", {"stride_h": 1, "stride_w": 1})), REFERENCE
    )
    assert any(step.name == "flipped" for explanation in explanations for step in explanation)


@RUNTIMES
@pytest.mark.parametrize("types", [(F32, np.float32), (F32, np.int8), (I8, np.int8)])
def test_output_positions_that_no_tap_reaches_are_explained(types, runtime):
    w = const(np.ones((2, 1, 1, 3)), types[1], None if types[1] == np.float32 else 0.5)
    scale = None if types[0] == F32 else 0.1
    operands = [const([1, 4, 4, 2]), w, T(types[0], (1, 2, 2, 3), scale)]
    options = ("TransposeConvOptions", {"padding": 1, "stride_h": 2, "stride_w": 2})
    explanations = explained(model_of("TRANSPOSE_CONV", operands, [T(types[0], (), scale, 0)], options), runtime, count=9)
    assert any(explanation[-1].value == 0 for explanation in explanations)


@pytest.mark.parametrize("runtime", [REFERENCE, OPTIMIZED])
@pytest.mark.parametrize("asymmetric", [False, True])
def test_sums_of_nothing_are_explained(asymmetric, runtime):
    options = ("BatchMatMulOptions", {"asymmetric_quantize_inputs": asymmetric})
    for w in (const(np.zeros((0, 3)), np.float32), const(np.zeros((0, 3)), np.int8, 0.1)):
        (explanation, *_) = explained(model_of("BATCH_MATMUL", [T(F32, (2, 0)), w], [T(F32)], options, version=4), runtime)
        assert explanation[-1].value == 0


@RUNTIMES
@FAMILY
@pytest.mark.parametrize("factor", [0.0, 1e-45, 1e-41, 1e-38, 3e37])
def test_zeros_denormals_and_great_numbers_are_explained(factor, build, runtime):
    for w_type in (F32, I8):
        for seed in range(2):
            model = build(seed, F32, w_type)
            graph = model.subgraphs[0]
            draws = [np.random.default_rng(i).normal(size=graph.tensors[t].shape) for i, t in enumerate(graph.inputs)]
            explained(model, runtime, *((draw * factor).astype(np.float32) for draw in draws))


@pytest.mark.parametrize(("runtime", "formula"), [(REFERENCE, "cumsum32("), (OPTIMIZED, "lanes32("), (XNNPACK, "fma_chain(")])
def test_each_runtime_is_explained_in_its_own_order(runtime, formula):
    (explanation, *_) = explained(fully_connected(0, F32, x_shape=(1, 33), w_shape=(6, 33)), runtime)
    assert any(formula in step.formula for step in explanation)
    assert math.prod(len(explanation.value(name)) for name in "xw") == 33 * 33
