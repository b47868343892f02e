"""Integer operators as calls: on drawn models the whole graph is one program, and gives what the NumPy forms give."""

from __future__ import annotations

import numpy as np
import pytest
from conformance.families import combinations_of
from hypothesis import given, settings
from hypothesis import strategies as st
from matmul_models import I8, I16, U8, conv_2d
from one_operator import T, const, model_of
from oracle import assert_same_bits

import qref
from qref.dispatch.integer_matmul import GREATEST_SUM, parts_of
from qref.dispatch.program import Program
from qref.inputs import draw
from qref.kernels.cpu import COMPILED

pytestmark = pytest.mark.skipif(not COMPILED, reason="without compilation every operator is a step of its own")
SEEDS = st.integers(0, 2**32 - 1)
REFERENCE, OPTIMIZED, XNNPACK = "litert-reference", "litert-optimized", "xnnpack"
ROWS = [
    *[(name, types, REFERENCE) for name in ("ADD", "SUB", "MUL") for types in ("int8", "int16", "int32")],
    *[(name, "int8", runtime) for name in ("ADD", "MUL") for runtime in (OPTIMIZED, XNNPACK)],
    *[("SUM", "int8", runtime) for runtime in (REFERENCE, OPTIMIZED, XNNPACK)],
    *[("LOG_SOFTMAX", "int8", runtime) for runtime in (REFERENCE, OPTIMIZED)],
    *[("RESIZE_BILINEAR", "int8", runtime) for runtime in (REFERENCE, XNNPACK)],
    *[("TRANSPOSE_CONV", types, REFERENCE) for types in ("int8", "int16xint8xint64")],
    *[("BATCH_MATMUL", types, REFERENCE) for types in ("int8", "int16", "int16xint8")],
    *[(name, "int8", REFERENCE) for name in ("DIV", "PRELU", "SQUARED_DIFFERENCE", "MAXIMUM", "L2_NORMALIZATION", "MEAN")],
    *[(name, "int8", REFERENCE) for name in ("REDUCE_MAX", "ARG_MAX", "GATHER", "SELECT_V2", "TRANSPOSE", "MIRROR_PAD")],
    *[(name, "int16", REFERENCE) for name in ("LEAKY_RELU", "SOFTMAX", "TANH", "PAD", "LESS")],
    ("CONCATENATION", "uint8", REFERENCE),
    ("CAST", "int32xint8", REFERENCE),
    ("LOGICAL_AND", "bool", REFERENCE),
    ("REDUCE_ALL", "bool", REFERENCE),
    ("PADV2", "int64", REFERENCE),
]


def runs(model, rounds, runtime):
    """The compiled and the plain interpreter after each round."""
    interpreters = [qref.Interpreter(model_content=model, runtime=runtime, kernels=kernels) for kernels in ("numba", "numpy")]
    for inputs in rounds:
        for interpreter in interpreters:
            interpreter.allocate_tensors()
            for position, x in inputs.items():
                interpreter.set_tensor(model.subgraphs[0].inputs[position], x)
            interpreter.invoke()
        yield interpreters


@pytest.mark.parametrize(("operator", "types", "runtime"), ROWS, ids=lambda row: row)
def test_one_program_gives_what_the_numpy_forms_give(operator, types, runtime):
    combination = next(c for c in combinations_of(runtime) if (c.operator, c.types) == (operator, types))

    @settings(max_examples=5)
    @given(seed=SEEDS)
    def check(seed):
        expect_one_program(*combination.case(seed), runtime, f"{operator} {types} {runtime} seed {seed}")

    check()


@settings(max_examples=10)
@given(seed=SEEDS, x_type=st.sampled_from([I8, I16]), groups=st.integers(2, 5))
def test_groups_of_channels_one_after_the_other(seed, x_type, groups):
    model = conv_2d(seed, x_type, groups=groups)
    x = model.subgraphs[0].tensors[0]
    expect_one_program(model, [{0: draw(np.random.default_rng(seed), x.shape, x.type.dtype)}], REFERENCE, f"{x_type} {seed}")


def expect_one_program(model, rounds, runtime, what):
    for compiled, plain in runs(model, rounds, runtime):
        execution, other = compiled._executions[0], plain._executions[0]
        for got, want in zip(execution.values, other.values, strict=True):
            if want is not None:
                assert_same_bits(got, want, what)
        if all(value is None or value.size for value in execution.values):
            assert all(isinstance(part, Program) for part in execution.parts), what


@given(seed=SEEDS, channels=st.integers(1, 3), depth=st.integers(1, 1500))
def test_parts_of_weights_sum_up_to_them_and_each_fits(seed, channels, depth):
    w = np.random.default_rng(seed).integers(-128, 128, (channels, depth)).astype(np.int8)
    parts = parts_of(w, 0)
    np.testing.assert_array_equal(np.sum(parts, axis=0, dtype=np.int64), w)
    assert all(np.abs(part.astype(np.int64)).sum(axis=1).max() <= GREATEST_SUM for part in parts)


def test_sums_beyond_32_bits_are_summed_in_parts():
    x, w, bias = np.full((2, 3000), -(2**15), np.int16), np.full((5, 3000), -127, np.int8), np.arange(5) * 10**9
    operands = [T(I16, x.shape, 1.0), const(w, np.int8, 2.0**-8), const(bias, np.int64, 2.0**-8)]
    model = model_of("FULLY_CONNECTED", operands, [T(I16, (2, 5), 2.0**14)], ("FullyConnectedOptions", {}), 9)
    for compiled, plain in runs(model, [{0: x}], REFERENCE):
        index = compiled.get_output_details()[0]["index"]
        assert_same_bits(compiled.get_tensor(index), plain.get_tensor(index), "FULLY_CONNECTED int16")
        assert len(compiled._executions[0].parts[0].calls) > 2 * 2 + 2  # two for each part


@settings(max_examples=20)
@given(st.sampled_from(["REDUCE_MAX", "REDUCE_MIN", "MEAN"]), st.sampled_from([I8, U8, I16]), st.integers(1, 150), st.data())
def test_reductions_over_many_channels(name, kind, channels, data):
    shape, runtime = (2, data.draw(st.integers(1, 5)), channels), data.draw(st.sampled_from([REFERENCE, XNNPACK]))
    operands = [T(kind, shape, 0.1), const([1])]
    model = model_of(name, operands, [T(kind, (2, channels), 0.1)], ("ReducerOptions", {}), 2)
    x = draw(np.random.default_rng(data.draw(SEEDS)), shape, kind.dtype)
    expect_one_program(model, [{0: x}], runtime, f"{name} {kind} {shape}")


@settings(max_examples=20)
@given(st.sampled_from([I8, U8, I16]), st.integers(30, 150), st.integers(1, 3), st.integers(1, 3), st.booleans(), SEEDS)
def test_pooling_of_many_channels(kind, channels, size, stride, same, seed):
    shape, edge = (2, 5, 4, channels), (lambda n: -(-n // stride) if same else (n - size) // stride + 1)
    filters = {"filter_height": size, "filter_width": size, "stride_h": stride, "stride_w": stride, "padding": 0 if same else 1}
    y = T(kind, (2, edge(5), edge(4), channels), 0.1)
    model = model_of("MAX_POOL_2D", [T(kind, shape, 0.1)], [y], ("Pool2DOptions", filters), 3 if kind == I16 else 2)
    x = draw(np.random.default_rng(seed), shape, kind.dtype)
    expect_one_program(model, [{0: x}], REFERENCE, f"{kind} {shape} {filters}")


@settings(max_examples=20)
@given(st.sampled_from(["ADD", "SUB", "LEAKY_RELU"]), st.sampled_from([I8, U8]), st.integers(1, 300), SEEDS)
def test_vectors_and_what_is_left_over(name, kind, size, seed):
    rng, x = np.random.default_rng(seed), T(kind, (size,), 0.1, 3)
    count, options = (1, {"alpha": 0.3}) if name == "LEAKY_RELU" else (2, {})
    table = {"ADD": "AddOptions", "SUB": "SubOptions", "LEAKY_RELU": "LeakyReluOptions"}[name]
    model = model_of(name, [x] * count, [T(kind, (size,), 0.15, 5)], (table, options), 2)
    inputs = {position: draw(rng, (size,), kind.dtype) for position in range(count)}
    for runtime in (OPTIMIZED, XNNPACK):
        expect_one_program(model, [inputs], runtime, f"{name} {kind} {size} {runtime}")
