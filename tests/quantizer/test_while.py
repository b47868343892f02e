"""A Keras 3 LSTM, which is a WHILE: its steps compute with integers inside a loop that passes on floats."""

import functools
import pathlib

import numpy as np
import pytest
from oracle import assert_equals_litert, needs_litert

import qref
from qref.quantizer import calibrate, quantize_model
from qref.quantizer.graph import read
from qref.schema import GraphBuilder, TensorType, load

MODEL = pathlib.Path(__file__).parent / "keras3_lstm.tflite"
STEPS, UNITS = 12, 8
SAMPLES = np.random.default_rng(0).normal(size=(30, STEPS, 40)).astype(np.float32)
MAIN, CONDITION, BODY = range(3)


def outputs(model):
    interpreter = qref.Interpreter(model_content=model)
    interpreter.allocate_tensors()
    found = []
    for x in SAMPLES:
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], x[None])
        interpreter.invoke()
        found.append(interpreter.get_tensor(interpreter.get_output_details()[0]["index"]))
    return np.stack(found)


def signal_to_noise(content):
    """In dB: the power of the float model's output over that of the difference."""
    want, got = outputs(load(MODEL)), outputs(load(content))
    return 10 * np.log10((want**2).sum() / ((got - want) ** 2).sum())


@functools.cache
def quantized(scheme):
    return quantize_model(MODEL, scheme, None if scheme == "dynamic_range" else SAMPLES)


def cell_states(model):
    """c [steps, samples, units] by the textbook's formulas, from the weights in the loop's body."""
    body = model.subgraphs[BODY]
    w, r = (model.data(body.tensors[o.inputs[1]]) for o in body.operators if o.name == "FULLY_CONNECTED")
    if w.shape[1] == UNITS:
        w, r = r, w
    (bias,) = (d for d in map(model.data, body.tensors) if d is not None and d.shape == (4 * UNITS,))
    h, c, found = np.zeros((len(SAMPLES), UNITS)), np.zeros((len(SAMPLES), UNITS)), []
    for t in range(STEPS):
        i, f, j, o = np.split(SAMPLES[:, t] @ w.T.astype(np.float64) + h @ r.T.astype(np.float64) + bias, 4, axis=1)
        i, f, o = (1 / (1 + np.exp(-gate)) for gate in (i, f, o))
        c = f * c + i * np.tanh(j)
        h = o * np.tanh(c)
        found.append(c)
    return np.stack(found)


def test_ranges_inside_the_loop_are_those_of_all_its_steps():
    model = load(MODEL)
    (_, _, found) = calibrate(model, SAMPLES).ranges(read(model))
    cells = cell_states(model)
    ranges = {value.index: (x.min, x.max) for value, x in found.items()}
    _, _, _, _, cell_output, _ = model.subgraphs[BODY].outputs
    np.testing.assert_allclose(ranges[cell_output], (cells.min(), cells.max()), rtol=1e-5)
    assert cells.min() < cells[-1].min()  # the last step alone would tell too little


@pytest.mark.parametrize(("scheme", "least"), [("dynamic_range", 40), ("full_integer", 30), ("int16x8", 45)])
def test_the_output_is_near_that_of_the_float_model(scheme, least):
    assert signal_to_noise(quantized(scheme).content) > least


@needs_litert
@pytest.mark.parametrize("kernel_set", ["reference", "optimized", "xnnpack"])
@pytest.mark.parametrize("scheme", ["dynamic_range", "full_integer", "int16x8", "float16"])
def test_every_bit_is_litert_s(scheme, kernel_set):
    rounds = [{0: x[None]} for x in SAMPLES[:4]]
    assert_equals_litert(load(quantized(scheme).content), rounds, kernel_set)


def test_operators_of_the_body_become_integers_and_the_loop_passes_on_floats():
    model = load(quantized("full_integer").content)
    main, _condition, body = model.subgraphs
    (loop,) = (o for o in main.operators if o.name == "WHILE")
    passed = [*(main.tensors[i] for i in loop.inputs), *(body.tensors[i] for i in (*body.inputs, *body.outputs))]
    assert {t.type for t in passed} == {TensorType.INT32, TensorType.FLOAT32}
    for o in (*main.operators, *body.operators):
        if o.name not in ("WHILE", "QUANTIZE", "DEQUANTIZE"):
            graph = main if o in main.operators else body
            assert TensorType.FLOAT32 not in {graph.tensors[i].type for i in (*o.inputs, *o.outputs) if i >= 0}, o


def test_the_loop_is_named_as_what_stays_float():
    (reason,) = quantized("full_integer").stays_float
    assert reason.startswith("operator 1 (WHILE)")
    with pytest.raises(qref.UnsupportedOperator, match=r"operator 1 \(WHILE\)"):
        quantize_model(MODEL, representative_dataset=SAMPLES[:2], integer_only=True)


def test_an_operator_of_the_body_that_stays_float_is_named_with_its_subgraph():
    graph = GraphBuilder()
    more, x = graph.input("more", TensorType.BOOL, (1,)), graph.input("x", TensorType.FLOAT32, (1, 4))
    outputs = graph.tensor("done", TensorType.BOOL, (1,)), graph.tensor("y", TensorType.FLOAT32, (1, 4))
    graph.operator("WHILE", [more, x], outputs, ("WhileOptions", {"cond_subgraph_index": 1, "body_subgraph_index": 2}))
    graph.outputs(*outputs)
    condition, body = graph.subgraph("condition"), graph.subgraph("body")
    more, _ = condition.input("more", TensorType.BOOL, (1,)), condition.input("x", TensorType.FLOAT32, (1, 4))
    condition.outputs(more)
    more, x = body.input("more", TensorType.BOOL, (1,)), body.input("x", TensorType.FLOAT32, (1, 4))
    less, y = body.tensor("less", TensorType.BOOL, (1,)), body.tensor("y", TensorType.FLOAT32, (1, 4))
    body.operator("LOGICAL_NOT", [more], [less])
    body.operator("ELU", [x], [y])
    body.outputs(less, y)
    samples = [{"more": np.array([True]), "x": np.float32([[-1, 0, 1, 2]])}]
    _, reason = quantize_model(graph.model(), representative_dataset=samples).stays_float
    assert reason == "subgraph 2, operator 1 (ELU): there is no ELU with INT8 activations"
