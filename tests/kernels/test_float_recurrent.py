"""Recurrent operators on floats as calls against their references, to the bit: every variant, several inferences in a row."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import assert_same_bits
from recurrent_models import Variant, bidirectional_lstm_model, lstm_model, rnn_model, svdf_model

from qref.execution import Execution
from qref.kernels.cpu import COMPILED
from qref.ops.session import Session
from qref.runtimes import runtime
from qref.schema import Model

pytestmark = pytest.mark.skipif(not COMPILED, reason="tiles exist only compiled; without, NumPy runs")
FIELDS = {
    "asymmetric": st.booleans(),
    "cifg": st.booleans(),
    "peephole": st.booleans(),
    "projection": st.sampled_from([0, 5]),
    "projection_bias": st.booleans(),
    "clip": st.booleans(),
    "time": st.integers(1, 4),
    "depth": st.integers(1, 20),
    "cells": st.sampled_from([1, 3, 4, 15]),
    "activation": st.sampled_from([1, 2, 3, 4, 4, 4, 5]),
    "seed": st.integers(0, 10**6),
}
ALONE = st.fixed_dictionaries({"batch": st.integers(1, 3), "time_major": st.just(False)}) | st.just({"batch": 1})
TOGETHER = st.fixed_dictionaries({"batch": st.integers(2, 3), "time_major": st.just(True)})
KINDS = {"float32": (ALONE, ["float32"]), "hybrid": (ALONE | TOGETHER, ["int8", "uint8"])}


def variants(kind: str, **fields) -> st.SearchStrategy[Variant]:
    batches, weights = KINDS[kind]
    drawn = st.fixed_dictionaries({**FIELDS, "weights": st.sampled_from(weights), **fields})
    return st.builds(lambda a, b: Variant(**(a | b)), drawn, batches)


def assert_equal_forms(model: Model, seed: int) -> None:
    forms = [Execution(model, model.subgraphs[0], Session(runtime("litert-reference")), k) for k in ("numba", "numpy")]
    for form in forms:
        form.allocate()
    rng, inputs = np.random.default_rng(seed), model.subgraphs[0].inputs
    for number in range(4):
        for index in inputs:
            x = (rng.normal(size=forms[0].operands[index].shape) * rng.choice([0.1, 1, 50])).astype(np.float32)
            x *= number != 1  # zeros, which may be skipped
            x.reshape(-1)[0] = np.nan if number == 3 else x.reshape(-1)[0]
            for form in forms:
                form.put(index, x.copy())
        for form in forms:
            form.invoke()
        assert all(type(part).__name__ == "Program" for part in forms[0].parts), "no calls"
        for operand, got, want in zip(forms[0].operands, *(form.values for form in forms)):
            if want is not None:
                assert_same_bits(got, want, f"inference {number}, {operand}")


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=30)
@given(data=st.data())
def test_unidirectional_lstm(kind, data):
    variant = data.draw(variants(kind, layer_norm=st.booleans()))
    assert_equal_forms(lstm_model(variant), variant.seed)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=25)
@given(data=st.data(), stacked=st.booleans(), merged=st.booleans())
def test_bidirectional_lstm(kind, data, stacked, merged):
    variant = data.draw(variants(kind, operator=st.just("BIDIRECTIONAL_SEQUENCE_LSTM")))
    merged = merged and (variant.time_major or variant.batch == 1)
    model = bidirectional_lstm_model(variant, merged, "stacked" if stacked else "none")
    assert_equal_forms(model, variant.seed)


RNNS = ("RNN", "UNIDIRECTIONAL_SEQUENCE_RNN", "BIDIRECTIONAL_SEQUENCE_RNN")
WEIGHTS = st.sampled_from(["float32", "int8", "uint8"])


@settings(max_examples=40)
@given(variant=variants("hybrid", weights=WEIGHTS, operator=st.sampled_from(RNNS)), merged=st.booleans())
def test_rnn(variant, merged):
    both = variant.operator == RNNS[2]
    merged = both and merged and (variant.batch == 1 or variant.weights == "float32" or variant.asymmetric)
    assert_equal_forms(rnn_model(variant, merged, "stacked" if both and variant.seed % 2 else "none"), variant.seed)


@settings(max_examples=40)
@given(
    variant=variants("hybrid", weights=WEIGHTS, operator=st.just("SVDF")),
    rank=st.integers(1, 9),
    memory=st.integers(1, 11),
    bias=st.booleans(),
)
def test_svdf(variant, rank, memory, bias):
    assert_equal_forms(svdf_model(variant, rank, memory, bias), variant.seed)
