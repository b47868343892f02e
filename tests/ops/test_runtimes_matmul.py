"""The matmul family in litert-optimized and xnnpack against LiteRT, with shapes that leave vector blocks incomplete."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from matmul_models import (
    F32,
    I2,
    I4,
    I8,
    I16,
    I32,
    I64,
    U8,
    Drawn,
    batch_matmul,
    conv_2d,
    depthwise_conv_2d,
    fully_connected,
    transpose_conv,
)
from one_operator import T, const, model_of, with_declared_shapes
from oracle import assert_equals_litert, litert, needs_litert

import qref
from qref.schema import GraphBuilder, Model, write

INT32_BIAS = {"bias_type": I32, "options": {"quantized_bias_type": I32}}
INT64_BIAS = {"options": {"quantized_bias_type": I64}}
BOTH = pytest.mark.parametrize("kernel_set", ["optimized", "xnnpack"])
SEEDS = pytest.mark.parametrize("seed", range(6))


def check(model: Model, kernel_set: str) -> None:
    assert_equals_litert(with_declared_shapes(model), kernel_set=kernel_set)


def wide_fully_connected(seed, x_type, w_type=None, *, units=37, depth=24, rows=29, **extra):
    return fully_connected(seed, x_type, w_type, x_shape=(rows, depth), w_shape=(units, depth), **extra)


def wide_conv_2d(seed, type, *, per_axis=True, **extra):
    """CONV_2D with 19 output channels on an image of 13 x 13."""
    drawn = Drawn(seed)
    kernel = tuple(int(n) for n in drawn.rng.integers(1, 4, 2))
    x = drawn.input(type, (2, 13, 13, 5))
    w_type = I8 if type == I16 else type
    channels = 19 if per_axis and type != F32 else None
    w = drawn.weights(w_type, (19, *kernel, 5), channels, 0, symmetric=type != U8)
    b = drawn.bias(extra.get("bias_type", {F32: F32, I16: I64}.get(type, I32)), 19, x, w)
    y = drawn.output(type, type, w_type, x, w, 5 * kernel[0] * kernel[1])
    options = {"padding": seed % 2, "stride_h": 1 + seed % 2, "stride_w": 1, **extra.get("options", {})}
    return drawn.model("CONV_2D", [x, w, b], y, ("Conv2DOptions", options), 8 if type == I16 else 3)


@needs_litert
@BOTH
@SEEDS
@pytest.mark.parametrize(("type", "per_axis"), [(I8, True), (I8, False), (U8, False)])
def test_8_bit_operators_round_as_each_runtime_does(type, per_axis, seed, kernel_set):
    check(wide_fully_connected(seed, type, per_axis=per_axis), kernel_set)
    check(wide_conv_2d(seed, type, per_axis=per_axis), kernel_set)
    check(conv_2d(seed, type, per_axis=per_axis, groups=2), kernel_set)
    check(depthwise_conv_2d(seed, type, per_axis=per_axis), kernel_set)
    check(transpose_conv(seed, type, per_axis=per_axis), kernel_set)


@needs_litert
@BOTH
@SEEDS
@pytest.mark.parametrize("extra", [INT32_BIAS, INT64_BIAS])
def test_int16_operators_round_as_each_runtime_does(extra, seed, kernel_set):
    check(wide_fully_connected(seed, I16, **extra), kernel_set)
    check(wide_fully_connected(seed, I16, bias="left away"), kernel_set)
    check(wide_conv_2d(seed, I16, **extra), kernel_set)
    check(transpose_conv(seed, I16, **extra), kernel_set)


@needs_litert
@BOTH
@SEEDS
@pytest.mark.parametrize("w_type", [I4, I2])
@pytest.mark.parametrize("depth", [22, 23, 24])
def test_fully_connected_takes_packed_weights(w_type, depth, seed, kernel_set):
    for per_axis in (True, False):
        check(wide_fully_connected(seed, I8, w_type, per_axis=per_axis, depth=depth, version=14), kernel_set)


@needs_litert
@BOTH
@SEEDS
def test_float32_sums_are_taken_in_each_runtime_s_order(seed, kernel_set):
    check(
        wide_fully_connected(seed, F32, units=(1, 4, 33, 39)[seed % 4], depth=15 + 410 * seed, rows=(1, 2, 7)[seed % 3]),
        kernel_set,
    )
    check(wide_conv_2d(seed, F32), kernel_set)
    check(conv_2d(seed, F32, groups=3), kernel_set)
    check(depthwise_conv_2d(seed, F32), kernel_set)
    check(depthwise_conv_2d(seed, F32, multiplier=1), kernel_set)
    check(transpose_conv(seed, F32), kernel_set)
    check(batch_matmul(seed, F32), kernel_set)


@needs_litert
@pytest.mark.parametrize("depth", [5, 8, 12, 15, 16, 20, 28, 33, 100])
def test_eigen_sums_one_row_by_one_column_in_four_packets(depth):
    for seed in range(3):
        check(wide_fully_connected(seed, F32, units=1, depth=depth, rows=1), "optimized")


@needs_litert
@BOTH
@SEEDS
def test_hybrid_operators_quantize_as_each_runtime_does(seed, kernel_set):
    check(wide_fully_connected(seed, F32, I8), kernel_set)
    check(conv_2d(seed, F32, I8), kernel_set)
    check(conv_2d(seed, F32, I8, per_axis=False), kernel_set)
    check(depthwise_conv_2d(seed, F32, I8), kernel_set)
    check(transpose_conv(seed, F32, I8), kernel_set)
    check(batch_matmul(seed, F32, I8), kernel_set)


@needs_litert
@BOTH
@pytest.mark.parametrize("units", [1, 4, 33])
@pytest.mark.parametrize("depth", [30, 32, 34, 64, 74])
def test_fully_connected_hybrid_int4_in_packed_blocks_has_litert_s_spoiled_neighbors(units, depth, kernel_set):
    check(wide_fully_connected(depth, F32, I4, units=units, depth=depth, rows=5, version=14), kernel_set)


@needs_litert
@BOTH
@SEEDS
def test_batch_matmul_int8_rounds_as_each_runtime_does(seed, kernel_set):
    for constant in (False, True):
        model = batch_matmul(seed, I8, constant=constant)
        graph = model.subgraphs[0]
        right = graph.operators[0].inputs[1]
        tensors = tuple(
            replace(t, quantization=replace(t.quantization, zero_point=np.zeros(1, np.int64))) if t.index == right else t
            for t in graph.tensors
        )
        check(model, kernel_set)
        check(replace(model, subgraphs=(replace(graph, tensors=tensors),)), kernel_set)


@needs_litert
def test_xnnpack_leaves_what_is_no_constant_or_has_no_shape():
    for seed in range(3):
        assert_equals_litert(conv_2d(seed, I8), kernel_set="xnnpack")
        for make in (fully_connected, conv_2d, depthwise_conv_2d, transpose_conv):
            check(make(seed, I8, constant=False), "xnnpack")


@needs_litert
def test_xnnpack_refuses_dynamic_weights_with_a_zero_point():
    weights = const(np.ones((2, 4)), np.int8, 0.1, 5)
    model = model_of("FULLY_CONNECTED", [T(F32, (3, 4)), weights], [T(F32, (3, 2))], ("FullyConnectedOptions", {}), version=9)
    with pytest.raises(qref.BackendError, match="failed to update filter tensor"):
        litert("xnnpack").run(write(model), [{0: np.ones((3, 4), np.float32)}], keep_all=False)
    with pytest.raises(qref.SpecViolation, match="expected 0 with float32 inputs"):
        qref.Interpreter(model_content=model, runtime="xnnpack").allocate_tensors()


@pytest.mark.parametrize("runtime", ["litert-optimized", "xnnpack"])
@pytest.mark.parametrize("types", [(F32, F32), (F32, I8), (I8, I8), (U8, U8)])
def test_an_empty_batch_gives_an_empty_output(types, runtime):
    for make in (conv_2d, depthwise_conv_2d, transpose_conv, fully_connected):
        model = with_declared_shapes(make(1, *types, per_axis=types[0] != U8))
        for kernels in ("numba", "numpy"):
            interpreter = qref.Interpreter(model_content=model, runtime=runtime, kernels=kernels)
            detail = interpreter.get_input_details()[0]
            interpreter.resize_tensor_input(detail["index"], (0, *[int(n) for n in detail["shape"][1:]]))
            if make is transpose_conv:
                with pytest.raises(qref.ModelError):
                    interpreter.allocate_tensors()
                continue
            interpreter.allocate_tensors()
            interpreter.invoke()
            assert interpreter.get_tensor(interpreter.get_output_details()[0]["index"]).size == 0


def one_pixel(operator: str, weights: list[float], bias: float) -> Model:
    """A filter of 3 x 3 on an image of one pixel, which only the tap in the middle meets; two channels, each by itself."""
    graph, depthwise = GraphBuilder(), operator == "DEPTHWISE_CONV_2D"
    x = graph.input("x", F32, (1, 1, 1, 2))
    w = np.array(weights, np.float32).reshape(1, 3, 3, 1)
    w = graph.constant("w", w.repeat(2, 3) if depthwise else w.repeat(2, 0).repeat(2, 3))
    b, y = graph.constant("b", np.full(2, bias, np.float32)), graph.tensor("y", F32, (1, 1, 1, 2))
    options = {"stride_h": 1, "stride_w": 1, "dilation_h_factor": 1, "dilation_w_factor": 1}
    kind = ("DepthwiseConv2DOptions", options | {"depth_multiplier": 1}) if depthwise else ("Conv2DOptions", options)
    graph.operator(operator, [x, w, b], [y], kind, version=2)
    return graph.model(outputs=[y])


@needs_litert
@pytest.mark.parametrize("kernel_set", ["reference", "optimized", "xnnpack"])
@pytest.mark.parametrize("operator", ["CONV_2D", "DEPTHWISE_CONV_2D"])
@pytest.mark.parametrize(
    ("weights", "bias", "x"), [([1, 1, 1, 1, -1, 1, 1, 1, 1], -0.0, 0.0), ([np.inf] * 4 + [2] + [np.nan] * 4, 1.0, 1.0)]
)
def test_taps_outside_the_image_are_zeros_that_take_part_or_are_left_out(weights, bias, x, operator, kernel_set):
    model = one_pixel(operator, weights, bias)
    assert_equals_litert(model, [{0: np.full((1, 1, 1, 2), x, np.float32)}], kernel_set)


@needs_litert
@pytest.mark.parametrize("step", [0, 1, 1640, 1900, 2047, 2048])
def test_xnnpack_flushes_what_24_bits_do_not_round_to_the_least_normal_number(step):
    x, w = np.float32(1 - step * 2.0**-23), np.float32(2.0**-126 * (1 + step * 2.0**-23))
    x = np.float32(1 - 2.0**-24) if step == 0 else x
    graph = GraphBuilder()
    inputs = [graph.input("x", F32, (1, 1)), graph.constant("w", np.full((1, 1), w))]
    y = graph.tensor("y", F32, (1, 1))
    graph.operator("FULLY_CONNECTED", inputs, [y], ("FullyConnectedOptions", {}), version=2)
    assert_equals_litert(graph.model(outputs=[y]), [{0: np.full((1, 1), x)}], "xnnpack")
