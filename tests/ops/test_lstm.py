import pytest
from oracle import assert_equals_litert, needs_litert
from recurrent_models import Variant, basic_lstm_model, lstm_model, random_rounds, survive_damage

import qref

FULL = Variant(operator="LSTM", cells=9)


@needs_litert
@pytest.mark.parametrize(
    "variant",
    [
        FULL.but(integer=True),
        FULL.but(integer=True, cifg=True, peephole=True, layer_norm=True, projection=5, clip=True),
        FULL,
        FULL.but(cifg=True, peephole=True, layer_norm=True, projection=5, clip=True),
        FULL.but(weights="int8"),
        FULL.but(weights="int8", asymmetric=True, peephole=True, projection=5),
    ],
    ids=["integer", "integer with all", "float32", "float32 with all", "hybrid", "asymmetric"],
)
def test_full_lstm_keeps_its_state_as_litert_does(variant):
    model = lstm_model(variant)
    assert_equals_litert(model, random_rounds(model, count=5))


@needs_litert
@pytest.mark.parametrize("quantized", [False, True])
@pytest.mark.parametrize(("batch", "depth", "cells"), [(1, 3, 4), (2, 5, 6), (3, 16, 9), (5, 40, 33)])
def test_basic_lstm_equals_litert_in_all_outputs(quantized, batch, depth, cells):
    model = basic_lstm_model(quantized, batch, depth, cells, seed=batch)
    assert_equals_litert(model, random_rounds(model, count=4))


@pytest.mark.parametrize(
    "model", [lstm_model(FULL), basic_lstm_model(), basic_lstm_model(quantized=True)], ids=["full", "basic", "uint8"]
)
def test_a_damaged_lstm_is_refused_or_runs(model):
    assert survive_damage(model) > 30


def test_a_sequence_is_refused():
    model = lstm_model(Variant(operator="LSTM"))
    interpreter = qref.Interpreter(model_content=model)
    interpreter.resize_tensor_input(model.subgraphs[0].inputs[0], (1, 2, 5))
    with pytest.raises(qref.ModelError, match=r"expected \[batch, depth\]"):
        interpreter.allocate_tensors()
