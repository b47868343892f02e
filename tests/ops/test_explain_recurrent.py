"""The explanations of recurrent operators end in the references, and can be computed again from what they print.

States before an element are given as the reference computes them. So the explanations of an LSTM are also held against the new
cell state, which no output shows: with them every time step is explained from the one before.
"""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from explanations import check_explanation, some_elements
from recurrent_models import (
    Variant,
    basic_lstm_model,
    bidirectional_lstm_model,
    lstm_model,
    prepared_with_inputs,
    rnn_model,
    svdf_model,
    with_least_weights,
)

import qref
from qref.ops import bidirectional_sequence_lstm as bidirectional
from qref.ops import bidirectional_sequence_rnn, lstm, rnn, unidirectional_sequence_lstm, unidirectional_sequence_rnn

KINDS = {"float32": Variant(), "hybrid": Variant(weights="int8"), "asymmetric": Variant(weights="int8", asymmetric=True)}
FEATURES = list(itertools.product((False, True), (False, True), (False, True), (0, 6)))


def check(model, prepare, count=2, seed=0, scale=None):
    """Explain some elements; with a scale, float inputs are drawn anew and multiplied by it."""
    prepared, tensors = prepared_with_inputs(model, prepare, seed)
    if scale is not None:
        tensors[0] = tensors[0] * np.float32(scale)
    y, *results = prepared.reference(*tensors, prepared.plan)
    return [check_explanation(prepared, tensors, y, e) for e in some_elements(y, count, seed)], results


def check_lstm(variant, least=False, **how):
    """Explain some elements of an LSTM, and the last element's cell state."""
    model = lstm_model(variant)
    prepare = lstm.prepare if variant.operator == "LSTM" else unidirectional_sequence_lstm.prepare
    explanations, (_, c) = check(with_least_weights(model) if least else model, prepare, seed=variant.seed, **how)
    unit = (variant.projection or variant.cells) - 1
    assert explanations[-1].value("c") == c[-1, unit % variant.cells]


@pytest.mark.parametrize("kind", [*KINDS, "integer"])
@pytest.mark.parametrize(("cifg", "peephole", "layer_norm", "projection"), FEATURES)
def test_lstm_is_explained(kind, cifg, peephole, layer_norm, projection):
    variant = {**KINDS, "integer": Variant(integer=True)}[kind].but(
        cifg=cifg, peephole=peephole, layer_norm=layer_norm, projection=projection, clip=cifg != peephole
    )
    for seed, time_major in enumerate((True, False)):
        check_lstm(
            variant.but(time_major=time_major, batch=3, cells=11 if projection else 6, seed=seed, projection_bias=not seed)
        )


# rows, input depth, cells, outputs: one row, small products, full and leftover blocks, depths beyond one panel of the cache
SIZES = [
    (1, 3, 5, 0),
    (2, 5, 6, 0),
    (4, 9, 10, 0),
    (5, 33, 20, 7),
    (3, 700, 12, 0),
    (4, 1500, 14, 0),
    (2, 2100, 6, 0),
    (7, 1, 1, 0),
]


@pytest.mark.parametrize(("batch", "depth", "cells", "projection"), SIZES)
def test_float_lstm_shows_the_order_of_its_sums(batch, depth, cells, projection):
    for time_major in (True, False):
        check_lstm(Variant(batch=batch, depth=depth, cells=cells, projection=projection, time_major=time_major, time=2), count=4)


@pytest.mark.parametrize("activation", [1, 2, 3, 5])
def test_float_lstm_explains_other_activations(activation):
    check_lstm(Variant(activation=activation))


@pytest.mark.parametrize("weights", ["float32", "int8", "uint8"])
def test_lstm_with_diagonal_recurrent_weights_is_explained(weights):
    for time_major in (True, False):
        check_lstm(Variant(weights=weights, diagonal=True, cells=7, time_major=time_major))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("scale", [0, 30, 1e30])
def test_lstm_is_explained_for_inputs_of_zeros_and_great_ones(kind, scale):
    check_lstm(KINDS[kind].but(cells=9), scale=scale)


@pytest.mark.parametrize("kind", ["hybrid", "asymmetric"])
def test_hybrid_lstm_shows_the_wrong_signs_of_least_weights(kind):
    check_lstm(KINDS[kind].but(depth=37, cells=18, projection=16), least=True)


@pytest.mark.parametrize("kind", KINDS)
def test_lstm_of_one_step_is_explained(kind):
    check_lstm(KINDS[kind].but(operator="LSTM", cells=9, time=1))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("aux", ["none", "stacked", "weights"])
def test_bidirectional_lstm_is_explained(kind, aux):
    for merged, time_major in ((False, True), (False, False), (True, True)):
        check(bidirectional_lstm_model(KINDS[kind].but(time_major=time_major), merged, aux), bidirectional.prepare, count=4)


@pytest.mark.parametrize("quantized", [False, True])
@pytest.mark.parametrize(("batch", "depth", "cells"), [(1, 3, 4), (2, 5, 6), (3, 16, 9), (5, 40, 33)])
def test_basic_lstm_is_explained(quantized, batch, depth, cells):
    explanations, (state, *_) = check(basic_lstm_model(quantized, batch, depth, cells, seed=batch), lstm.prepare, count=4)
    assert explanations[-1].value("c") == state[-1, -1]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("activation", range(6))
def test_rnn_is_explained_with_every_activation(kind, activation):
    check(rnn_model(KINDS[kind].but(operator="RNN", activation=activation, depth=13, cells=7)), rnn.prepare)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("time_major", [True, False])
def test_unidirectional_sequence_rnn_is_explained(kind, time_major):
    variant = KINDS[kind].but(operator="UNIDIRECTIONAL_SEQUENCE_RNN", time_major=time_major, depth=13, batch=3, time=5)
    for scale in (None, 0, 100):
        check(with_least_weights(rnn_model(variant)), unidirectional_sequence_rnn.prepare, count=4, scale=scale)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("aux", ["none", "stacked", "weights"])
@pytest.mark.parametrize("merged", [False, True])
def test_bidirectional_sequence_rnn_is_explained_faults_included(kind, aux, merged):
    for seed, time_major in enumerate((True, False)):
        batch = 1 if merged and kind == "hybrid" else 3
        variant = KINDS[kind].but(operator="BIDIRECTIONAL_SEQUENCE_RNN", time_major=time_major, batch=batch, seed=seed)
        check(rnn_model(variant, merged, aux), bidirectional_sequence_rnn.prepare, count=5)


MODELS = {
    "integer lstm": lstm_model(Variant(integer=True, peephole=True, projection=6, clip=True)),
    "lstm": lstm_model(Variant(operator="LSTM", time=1)),
    "bidirectional lstm": bidirectional_lstm_model(Variant()),
    "basic lstm": basic_lstm_model(quantized=True),
    "rnn": rnn_model(Variant(operator="RNN", weights="int8")),
    "integer svdf": svdf_model(Variant(integer=True, activation=1)),
    "svdf": svdf_model(Variant(weights="int8")),
}


@pytest.mark.parametrize("runtime", ["litert-reference", "litert-optimized", "xnnpack"])
@pytest.mark.parametrize("name", MODELS)
def test_recurrent_operators_are_explained_in_every_runtime(name, runtime):
    _, tensors = prepared_with_inputs(MODELS[name], lambda node: None)
    _, prepared = qref.Interpreter(model_content=MODELS[name], runtime=runtime).prepare_operator(0, tensors)
    y, *_ = prepared.reference(*tensors, prepared.plan)
    for element in some_elements(y, 2):
        check_explanation(prepared, tensors, y, element)
