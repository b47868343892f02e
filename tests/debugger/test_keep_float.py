"""Operators of a quantized model become float again, and the result runs in LiteRT."""

import pathlib

import numpy as np
import pytest
from oracle import assert_equals_litert, needs_litert
from recurrent_models import Variant, lstm_model

import qref
from qref.debugger import debug, keep_float

FLOAT = qref.load(qref.bundled("digits_cnn_float"))
DIGITS = np.random.default_rng(0).uniform(0, 1, (12, 1, 8, 8, 1)).astype(np.float32)


def quantized(scheme="full_integer", **options):
    return qref.load(qref.quantize(FLOAT, scheme, DIGITS, **options))


def names(content):
    return [o.name for o in qref.load(content).subgraphs[0].operators]


@needs_litert
@pytest.mark.parametrize("scheme", ["full_integer", "int16x8", "dynamic_range", "float16"])
@pytest.mark.parametrize("denied", [["CONV_2D"], ["SOFTMAX", "FULLY_CONNECTED"], ["ADD", "CONV_2D", "DEPTHWISE_CONV_2D"]])
def test_what_is_made_runs_in_litert_with_equal_bits(scheme, denied):
    content = keep_float(FLOAT, quantized(scheme), denied)
    assert assert_equals_litert(qref.load(content))
    report = debug(FLOAT, content, DIGITS)
    assert not report.unaligned
    assert not {layer.op_name for layer in report.quantized_layers} & set(denied)


def test_there_is_no_conversion_between_two_float_operators():
    content = keep_float(FLOAT, quantized(), ["MEAN", "FULLY_CONNECTED", "SOFTMAX"])
    assert names(content)[-4:] == ["DEQUANTIZE", "MEAN", "FULLY_CONNECTED", "SOFTMAX"]


def test_all_operators_in_float_give_the_float_model():
    content = keep_float(FLOAT, quantized(), {o.name for o in FLOAT.subgraphs[0].operators})
    assert names(content) == [o.name for o in FLOAT.subgraphs[0].operators]
    assert all(layer.own.snr is None and layer.accumulated.snr is None for layer in debug(FLOAT, content, DIGITS).layers)


@needs_litert
def test_integer_inputs_and_outputs_stay():
    model = quantized(inference_input_type="int8", inference_output_type="uint8")
    content = keep_float(FLOAT, model, ["CONV_2D", "SOFTMAX"])
    graph = qref.load(content).subgraphs[0]
    assert [graph.tensors[i].type.name for i in (*graph.inputs, *graph.outputs)] == ["INT8", "UINT8"]
    assert [graph.tensors[i].name for i in graph.outputs] == [
        model.subgraphs[0].tensors[i].name for i in model.subgraphs[0].outputs
    ]
    assert assert_equals_litert(qref.load(content))


def test_a_name_of_an_output_says_which_operator():
    wanted = FLOAT.subgraphs[0].tensors[FLOAT.subgraphs[0].operators[3].outputs[0]].name
    graph = qref.load(keep_float(FLOAT, quantized(), names=[wanted])).subgraphs[0]
    floats = [o.name for o in graph.operators if o.name != "DEQUANTIZE" and graph.tensors[o.outputs[0]].type.name == "FLOAT32"]
    assert floats == ["CONV_2D"]


@needs_litert
def test_an_lstm_keeps_its_state_in_float():
    model = lstm_model(Variant(time=5, depth=40, cells=40, time_major=False, batch=1))
    inputs = [np.random.default_rng(1).normal(size=(1, 5, 40)).astype(np.float32)]
    content = keep_float(model, qref.load(qref.quantize(model, "full_integer", inputs)), ["UNIDIRECTIONAL_SEQUENCE_LSTM"])
    assert assert_equals_litert(qref.load(content))
    assert {t.type.name for t in qref.load(content).subgraphs[0].tensors if t.is_variable} == {"FLOAT32"}


def test_a_name_that_nothing_has_is_refused():
    with pytest.raises(qref.InputError, match="'LSTM' or has an output of that name"):
        keep_float(FLOAT, quantized(), ["LSTM"])


def test_control_flow_is_refused():
    model = qref.load(pathlib.Path(__file__).parent.parent / "quantizer" / "keras3_lstm.tflite")
    with pytest.raises(qref.InputError, match=r"operator \d+ \(WHILE\) calls another subgraph"):
        keep_float(model, qref.load(qref.quantize(model, "dynamic_range")), ["WHILE"])
