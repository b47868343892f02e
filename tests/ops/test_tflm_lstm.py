"""UNIDIRECTIONAL_SEQUENCE_LSTM and SVDF of TFLM, against TFLM itself; states go on from one inference to the next."""

import numpy as np
import pytest
from oracle import assert_equals_tflm, needs_tflm, run_qref
from recurrent_models import Variant, random_rounds, svdf_model, tflm_lstm_model, with_bias_scale

import qref
from qref.schema import GraphBuilder, TensorType

pytestmark = needs_tflm

I8, I16, I32, I64, F32 = TensorType.INT8, TensorType.INT16, TensorType.INT32, TensorType.INT64, TensorType.FLOAT32


@pytest.mark.parametrize("type", [I8, I16, F32])
@pytest.mark.parametrize("time_major", [False, True])
def test_lstm(type, time_major):
    bias_type = I64 if type == I16 else I32
    for seed in range(8):
        model = tflm_lstm_model(seed, type, time_major=time_major, bias_type=bias_type, cell_clip=(0.0, 0.4)[seed % 2])
        assert_equals_tflm(model, random_rounds(model, 3, seed))


@pytest.mark.parametrize("cell_exponent", [-15, -14, -13, -12, -10, -9])
def test_lstm_takes_any_power_of_two_for_its_cell_state(cell_exponent):
    for seed in range(3):
        model = tflm_lstm_model(seed, I8, cell_exponent=cell_exponent)
        assert_equals_tflm(model, random_rounds(model, 2, seed))


def test_lstm_of_long_rows_rounds_by_multipliers_of_float64():
    rng, graph = np.random.default_rng(0), GraphBuilder()
    x = graph.input("x", I8, (1, 100, 300), scale=0.0331, zero_point=-128)
    inputs = [-1] * 24
    inputs[0] = x
    for k in range(4):
        for first, depth in ((1, 300), (5, 128)):
            array = rng.integers(-127, 128, (128, depth)).astype(np.int8)
            inputs[first + k] = graph.constant("w", array, scale=float(rng.uniform(0.0004, 0.0006)))
        inputs[12 + k] = graph.constant("b", rng.integers(-8000, 8000, 128).astype(np.int32), scale=1e-4)
    inputs[18] = graph.tensor("h", I8, (1, 128), is_variable=True, scale=0.0078, zero_point=0)
    inputs[19] = graph.tensor("c", I16, (1, 128), is_variable=True, scale=2.0**-11, zero_point=0)
    y = graph.tensor("y", I8, (1, 100, 128), scale=0.0078, zero_point=0)
    options = ("UnidirectionalSequenceLSTMOptions", {"fused_activation_function": 4, "cell_clip": 10.0})
    graph.operator("UNIDIRECTIONAL_SEQUENCE_LSTM", inputs, [y], options, version=3)
    model = graph.model(outputs=[y])
    assert_equals_tflm(model, random_rounds(model, 2))


def test_what_tflm_has_not_is_refused():
    model = tflm_lstm_model(0, I8)
    operator = model.subgraphs[0].operators[0]
    peephole = tuple(12 if position == 10 else index for position, index in enumerate(operator.inputs))
    object.__setattr__(operator, "inputs", peephole)
    with pytest.raises(qref.UnsupportedOperator, match="input 10 is given"):
        run_qref(model, random_rounds(model, 1), "numpy", "tflm")


@pytest.mark.parametrize("integer", [False, True])
def test_svdf(integer):
    for seed in range(4):
        model = svdf_model(Variant(integer=integer, seed=seed, activation=1 if integer else 4))
        model = with_bias_scale(model) if integer else model
        assert_equals_tflm(model, random_rounds(model, 3, seed))
