"""LSTMs: the twin that shows its gates is the operator's float form, and the integers inside are those of the operator."""

import numpy as np
import pytest
from recurrent_models import Variant, lstm_model

import qref
from qref.debugger import debug
from qref.debugger.look import IntegerInside
from qref.debugger.lstm import FloatLstm
from qref.quantizer.graph import read

RNG = np.random.default_rng(6)
VARIANTS = {
    "plain": Variant(time=6),
    "batch first": Variant(time=6, time_major=False),
    "without input gate": Variant(time=6, cifg=True),
    "peephole": Variant(time=6, peephole=True),
    "normalized": Variant(time=6, layer_norm=True),
    "projected": Variant(time=6, projection=5, clip=True),
}


def samples(model, count=4):
    graph = model.subgraphs[0]
    return [RNG.normal(size=graph.tensors[graph.inputs[0]].shape).astype(np.float32) for _ in range(count)]


def after_each(interpreter, inputs, tensors, carry):
    """What each of some tensors holds after each sample."""
    found = []
    for x in inputs:
        if not carry:
            interpreter.reset_all_variables()
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], x)
        interpreter.invoke()
        found.append([interpreter.get_tensor(tensor) for tensor in tensors])
    return list(zip(*found))


def cell_states(model, inputs, carry):
    """The cell state after each sample."""
    interpreter = qref.Interpreter(model_content=model, runtime="xnnpack")
    interpreter.allocate_tensors()
    (lstm,) = [o for o in model.subgraphs[0].operators if o.name.endswith("LSTM")]
    return after_each(interpreter, inputs, [lstm.inputs[19]], carry)[0]


@pytest.mark.parametrize("variant", VARIANTS.values(), ids=VARIANTS)
@pytest.mark.parametrize("like", [None, "tflite"])
def test_the_float_twin_is_the_float_operator(variant, like):
    model = lstm_model(variant)
    inputs = samples(model)
    (layer,) = debug(model, model, inputs, like=like).layers
    assert layer.own.snr > 110
    twin = FloatLstm.of(read(model)[0].nodes[0], read(model)[0].nodes[0].inputs)
    _, inside = twin.run(np.stack(inputs), carry=like is not None)
    last = inside["cell_state"][-1].reshape(len(inputs), variant.batch, -1)
    np.testing.assert_allclose(last, cell_states(model, inputs, carry=like is not None), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", ["plain", "batch first", "without input gate", "normalized", "projected"])
@pytest.mark.parametrize("carry", [False, True])
def test_the_integers_inside_are_the_operators(name, carry):
    model = lstm_model(VARIANTS[name])
    inputs = samples(model)
    quantized = qref.load(qref.quantize(model, "full_integer", inputs, inference_input_type="int8", inference_output_type="int8"))
    interpreter = qref.Interpreter(model_content=quantized)
    interpreter.allocate_tensors()
    graph = quantized.subgraphs[0]
    parameters = interpreter.get_input_details()[0]["quantization"]
    stored = [np.clip(np.round(x / parameters[0] + parameters[1]), -128, 127).astype(np.int8) for x in inputs]
    outputs, cells = after_each(interpreter, stored, [graph.outputs[0], graph.operators[0].inputs[19]], carry)
    inside, node = IntegerInside.of(interpreter, 0), read(model)[0].nodes[0]
    layout = FloatLstm.of(node, node.inputs)
    found = inside.run(layout, np.stack(stored), np.stack(outputs), carry)
    np.testing.assert_array_equal(found["cell_state"][-1].reshape(np.shape(cells)), cells)


@pytest.mark.parametrize("scheme", ["full_integer", "dynamic_range"])
def test_gates_and_states_are_looked_into(scheme):
    model = lstm_model(Variant(time=10, depth=40, cells=40, time_major=False, batch=1))
    inputs = samples(model, 6)
    report = debug(model, qref.quantize(model, scheme, inputs), inputs)
    (layer,) = report.quantized_layers
    assert [value.name for value in layer.inside] == ["input", "forget", "cell", "output", "cell_state"]
    assert all(value.snr > 20 for value in layer.inside)
    scales = {value.name: value.scale for value in layer.inside}
    assert scales["input"] == (2**-12 if scheme == "full_integer" else None)
    if scheme == "full_integer":
        quantized = qref.load(qref.quantize(model, scheme, inputs)).subgraphs[0]
        (state,) = [t for t in quantized.tensors if t.name == "cell state"]
        assert scales["cell_state"] == state.quantization.scale[0]


def test_a_gate_that_saturates_is_seen():
    model = lstm_model(Variant(time=10, depth=40, cells=40, time_major=False, batch=1))
    inputs = [100 * x for x in samples(model, 3)]
    (layer,) = debug(model, qref.quantize(model, "full_integer", inputs), inputs).layers
    assert {value.name: value.saturation_rate > 0.5 for value in layer.inside}["input"]


def test_states_start_anew_for_each_sample_or_go_on():
    model = lstm_model(Variant(time=6, time_major=False))
    inputs = samples(model, 1) * 3
    quantized = qref.quantize(model, "full_integer", inputs)
    alone, three = (debug(model, quantized, some).layers[0].own for some in (inputs[:1], inputs))
    assert three.mean_squared_error == pytest.approx(alone.mean_squared_error, rel=1e-6)
    carried = debug(model, quantized, inputs, like="tflite").layers[0].own
    assert carried.mean_squared_error != pytest.approx(alone.mean_squared_error, rel=1e-3)
