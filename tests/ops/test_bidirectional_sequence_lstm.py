import pytest
from oracle import assert_equals_litert, needs_litert
from recurrent_models import Variant, bidirectional_lstm_model, random_rounds, survive_damage

import qref

KINDS = {"float32": Variant(), "hybrid": Variant(weights="int8"), "asymmetric": Variant(weights="int8", asymmetric=True)}


@needs_litert
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("aux", ["none", "stacked", "weights"])
@pytest.mark.parametrize("merged", [False, True])
def test_bidirectional_lstm_equals_litert(kind, aux, merged):
    for seed, time_major in enumerate((True, False, True)):
        variant = KINDS[kind].but(seed=seed, time_major=time_major, cells=6 + seed, cifg=seed == 2, peephole=seed == 1)
        variant = variant.but(projection=5 * (seed > 0), clip=seed == 1, batch=1 if merged and not time_major else 3)
        model = bidirectional_lstm_model(variant, merged, aux)
        assert_equals_litert(model, random_rounds(model))


def test_merged_outputs_of_several_entries_with_the_batch_first_are_refused():
    model = bidirectional_lstm_model(Variant(time_major=False, batch=2), merged=True)
    with pytest.raises(qref.ModelError, match="time_major"):
        qref.Interpreter(model_content=model).allocate_tensors()


@pytest.mark.parametrize("aux", ["stacked", "weights"])
def test_a_damaged_bidirectional_lstm_is_refused_or_runs(aux):
    assert survive_damage(bidirectional_lstm_model(Variant(peephole=True, projection=5), aux=aux)) > 100
