"""What calibration sees inside an LSTM, against the textbook's formulas walked step by step."""

import numpy as np
import pytest
from recurrent_models import Variant, lstm_model

from qref.ops._lstm_operands import GATES
from qref.quantizer import calibrate, quantize_model
from qref.quantizer.graph import read
from qref.quantizer.lstm import add_intermediates

VARIANTS = {
    "plain": Variant(),
    "batch first": Variant(time_major=False),
    "CIFG": Variant(cifg=True),
    "peephole": Variant(peephole=True),
    "projection": Variant(projection=5),
    "normalized": Variant(layer_norm=True),
    "clipped": Variant(clip=True),
    "relu": Variant(activation=1),
    "diagonal": Variant(diagonal=True),
    "all": Variant(cifg=True, peephole=True, layer_norm=True, projection=5, clip=True, time_major=False),
}


def walked(v, model, x):
    """What each place of the calibration holds over all steps: the cell state, what is projected, what is normalized."""
    graph = model.subgraphs[0]
    (lstm,) = graph.operators
    w = [None if i < 0 else model.data(graph.tensors[i]) for i in lstm.inputs] + [None] * 4
    x = x.astype(np.float64) if v.time_major else x.swapaxes(0, 1).astype(np.float64)
    h, c = np.zeros((v.batch, v.projection or v.cells)), np.zeros((v.batch, v.cells))
    act = np.tanh if v.activation == 4 else lambda a: np.maximum(a, 0)
    seen = {"cell state": [c], "hidden": [], **{k: [] for k in range(4)}}

    def sigmoid(a):
        return 1 / (1 + np.exp(-a))

    def gate(k, xt, h, c):
        recurrent = np.diag(w[5 + k]) if w[5 + k].ndim == 1 else w[5 + k]
        total = xt @ w[1 + k].T + h @ recurrent.T
        peephole = {0: w[9], 1: w[10], 3: w[11]}.get(k)
        total = total if peephole is None else total + peephole * c
        seen[k].append(total)
        if w[20 + k] is not None:
            mean, variance = total.mean(1, keepdims=True), total.var(1, keepdims=True)
            total = (total - mean) / np.sqrt(variance + 1e-8) * w[20 + k]
        return total + w[12 + k]

    for xt in x:
        f, j = sigmoid(gate(1, xt, h, c)), act(gate(2, xt, h, c))
        i = 1 - f if v.cifg else sigmoid(gate(0, xt, h, c))
        c = f * c + i * j
        c = np.clip(c, -0.5, 0.5) if v.clip else c
        hidden = h = sigmoid(gate(3, xt, h, c)) * act(c)
        if v.projection:
            h = hidden @ w[16].T + w[17]
            h = np.clip(h, -0.3, 0.3) if v.clip else h
        seen["cell state"].append(c)
        seen["hidden"].append(hidden)
    return {place: (np.min(values), np.max(values)) for place, values in seen.items() if values}


@pytest.mark.parametrize("name", VARIANTS)
def test_every_step_counts(name):
    v = VARIANTS[name].but(time=7)
    model = lstm_model(v)
    (found,) = ranges(model, sample(model))
    want = walked(v, model, sample(model))
    places = ["cell state", "hidden", *(k for k in range(v.cifg, 4) if v.layer_norm)]
    assert found.keys() >= set(places)
    for place in places:
        np.testing.assert_allclose(found[place], want[place], rtol=2e-5, atol=1e-6, err_msg=str(place))


def sample(model):
    graph = model.subgraphs[0]
    return np.random.default_rng(8).normal(size=graph.tensors[graph.inputs[0]].shape).astype(np.float32)


def ranges(model, *samples, like=None):
    """By what the tests call a place: a tensor's name, or that of an intermediate."""
    graphs = read(model)
    add_intermediates(graphs[0])
    names = {f"input_to_{gate}_intermediate": k for k, gate in enumerate(GATES)} | {
        "effective_hidden_scale_intermediate": "hidden"
    }
    found = calibrate(model, list(samples), like=like).ranges(graphs)
    return [{names.get(value.name, value.name): (r.min, r.max) for value, r in graph.items()} for graph in found]


def test_like_tflite_sees_states_only_where_samples_end():
    model = lstm_model(VARIANTS["plain"].but(time=7))
    (true,), (found,) = ranges(model, sample(model)), ranges(model, sample(model), like="tflite")
    assert true["cell state"][0] < found["cell state"][0] or found["cell state"][1] < true["cell state"][1]
    assert true["hidden"] == found["hidden"]


@pytest.mark.parametrize("name", ["plain", "projection", "CIFG", "peephole", "normalized"])
def test_an_lstm_computes_with_integers(name):
    model = lstm_model(VARIANTS[name])
    assert not quantize_model(model, representative_dataset=[sample(model)]).stays_float
