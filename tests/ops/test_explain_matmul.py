"""Explanations of the matmul family in every runtime: they end in the reference's bits, and every step can be computed again."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from explanations import check_explanation, some_elements
from matmul_models import (
    F32,
    I2,
    I4,
    I8,
    I16,
    I32,
    I64,
    U8,
    batch_matmul,
    conv_2d,
    depthwise_conv_2d,
    fully_connected,
    transpose_conv,
)
from one_operator import every

import qref
from qref.schema import Model

RUNTIMES = pytest.mark.parametrize("runtime", ["litert-reference", "litert-optimized", "xnnpack"])
SEEDS = range(6)
INT32_BIAS = {"bias_type": I32, "options": {"quantized_bias_type": I32}}
INT64_BIAS = {"options": {"quantized_bias_type": I64}}
ASYMMETRIC = {"options": {"asymmetric_quantize_inputs": True}}


def shaped(model: Model) -> Model:
    """The model with the true shapes of its outputs declared: XNNPACK leaves convolutions whose output has no shape."""
    interpreter = qref.Interpreter(model_content=model)
    interpreter.allocate_tensors()
    graph = model.subgraphs[0]
    shapes = {detail["index"]: tuple(int(n) for n in detail["shape"]) for detail in interpreter.get_output_details()}
    tensors = tuple(replace(t, shape=shapes.get(t.index, t.shape)) for t in graph.tensors)
    return replace(model, subgraphs=(replace(graph, tensors=tensors), *model.subgraphs[1:]))


def explained(model: Model, runtime: str, *given: np.ndarray, seed: int = 0, count: int = 4) -> list:
    """The explanations of some elements of the model's only operator, checked; its inputs are drawn where not given."""
    model = shaped(model)
    graph, rng, arrays = model.subgraphs[0], np.random.default_rng(seed), iter(given)
    inputs = []
    for index in graph.operators[0].inputs:
        tensor = graph.tensors[index]
        data = model.data(tensor) if index >= 0 else None
        drawn = next(arrays, None) if index in graph.inputs else None
        inputs.append(
            None if index < 0 else data if data is not None else every(rng, tensor.type, tensor.shape) if drawn is None else drawn
        )
    interpreter = qref.Interpreter(model_content=model, runtime=runtime)
    interpreter.allocate_tensors()
    _, prepared = interpreter.prepare_operator(0, inputs)
    y = prepared.reference(*inputs, prepared.plan)
    return [check_explanation(prepared, inputs, y, element) for element in some_elements(y, count, seed)]


@RUNTIMES
@pytest.mark.parametrize("types", [(I8, I8), (U8, U8), (I16, I8)])
def test_integer_transpose_conv(types, runtime):
    for seed in SEEDS:
        explained(transpose_conv(seed, *types, per_axis=types[0] != U8), runtime)
    explained(transpose_conv(1, types[0], per_axis=types[0] != U8, bias="absent"), runtime)


@RUNTIMES
def test_integer_transpose_conv_with_int32_bias(runtime):
    for seed in SEEDS:
        explained(transpose_conv(seed, I16, version=5, **INT32_BIAS), runtime)


@RUNTIMES
@pytest.mark.parametrize(
    "fields", [{"x_type": I8}, {"x_type": I8, "constant": True}, {"x_type": I16}, {"x_type": I8, "y_type": I32}]
)
def test_integer_batch_matmul(fields, runtime):
    for seed in range(8):
        explained(batch_matmul(seed, **fields), runtime)


@RUNTIMES
@pytest.mark.parametrize("build", [fully_connected, conv_2d, depthwise_conv_2d, transpose_conv, batch_matmul])
def test_float32_sums(build, runtime):
    for seed in range(8):
        explained(build(seed, F32), runtime)


@RUNTIMES
@pytest.mark.parametrize("build", [fully_connected, conv_2d, depthwise_conv_2d, transpose_conv, batch_matmul])
def test_hybrid_forms(build, runtime):
    for seed in range(8):
        explained(build(seed, F32, I8), runtime)


@RUNTIMES
@pytest.mark.parametrize("w_type", [I8, I4, I2])
@pytest.mark.parametrize("per_axis", [True, False])
def test_hybrid_fully_connected_with_zero_points_and_packed_weights(w_type, per_axis, runtime):
    for seed in range(3):
        for w_shape in ((5, 40), (9, 64)):
            for options in ({}, ASYMMETRIC):
                model = fully_connected(
                    seed, F32, w_type, per_axis=per_axis, x_shape=(3, w_shape[1]), w_shape=w_shape, version=14, **options
                )
                explained(model, runtime)
