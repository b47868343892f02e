import numpy as np
import pytest
from oracle import assert_equals_litert, needs_litert, run_qref
from recurrent_models import Variant, random_rounds, rnn_model, survive_damage

import qref

KINDS = {"float32": Variant(), "hybrid": Variant(weights="int8"), "asymmetric": Variant(weights="int8", asymmetric=True)}
BIDIRECTIONAL = "BIDIRECTIONAL_SEQUENCE_RNN"


@needs_litert
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("activation", range(6))
def test_rnn_equals_litert_with_every_activation(kind, activation):
    model = rnn_model(KINDS[kind].but(operator="RNN", activation=activation, depth=13, cells=7))
    assert_equals_litert(model, random_rounds(model, count=4))


@needs_litert
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("time_major", [True, False])
def test_unidirectional_sequence_rnn_equals_litert(kind, time_major):
    model = rnn_model(KINDS[kind].but(operator="UNIDIRECTIONAL_SEQUENCE_RNN", time_major=time_major, depth=13, batch=3, time=5))
    assert_equals_litert(model, random_rounds(model))


@needs_litert
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("aux", ["none", "stacked", "weights"])
@pytest.mark.parametrize("merged", [False, True])
def test_bidirectional_sequence_rnn_equals_litert_faults_included(kind, aux, merged):
    for seed, time_major in enumerate((True, False)):
        batch = 1 if merged and kind == "hybrid" else 3
        model = rnn_model(KINDS[kind].but(operator=BIDIRECTIONAL, time_major=time_major, batch=batch, seed=seed), merged, aux)
        assert_equals_litert(model, random_rounds(model))


def test_hybrid_bidirectional_rnn_walks_the_sequence_as_often_as_it_has_steps():
    for time, same in ((1, True), (3, False)):
        model = rnn_model(KINDS["hybrid"].but(operator=BIDIRECTIONAL, time=time))
        swapped = rnn_model(KINDS["hybrid"].but(operator=BIDIRECTIONAL, time=time, time_major=False))
        rounds = random_rounds(model, count=2)[:1]
        turned = [{0: np.ascontiguousarray(rounds[0][0].swapaxes(0, 1))}]
        y = model.subgraphs[0].outputs[0]
        once = run_qref(swapped, turned, "numpy")[0][y].swapaxes(0, 1)
        assert np.array_equal(run_qref(model, rounds, "numpy")[0][y], once) == same


def test_what_crashes_litert_is_refused():
    model = rnn_model(KINDS["hybrid"].but(operator=BIDIRECTIONAL, batch=2), merged=True)
    with pytest.raises(qref.ModelError, match="asymmetric_quantize_inputs"):
        qref.Interpreter(model_content=model).allocate_tensors()


@pytest.mark.parametrize("operator", ["RNN", "UNIDIRECTIONAL_SEQUENCE_RNN", BIDIRECTIONAL])
@pytest.mark.parametrize("kind", KINDS)
def test_a_damaged_rnn_is_refused_or_runs(operator, kind):
    aux = "weights" if operator == BIDIRECTIONAL else "none"
    assert survive_damage(rnn_model(KINDS[kind].but(operator=operator), aux=aux)) > 20
