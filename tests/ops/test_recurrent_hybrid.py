"""What all recurrent operators with int8 weights and float activations share."""

import pytest
from oracle import assert_equals_litert, needs_litert
from recurrent_models import (
    Variant,
    bidirectional_lstm_model,
    lstm_model,
    random_rounds,
    rnn_model,
    svdf_model,
    with_least_weights,
)

BUILDERS = {
    "UNIDIRECTIONAL_SEQUENCE_LSTM": lstm_model,
    "BIDIRECTIONAL_SEQUENCE_LSTM": bidirectional_lstm_model,
    "RNN": rnn_model,
    "SVDF": svdf_model,
}


@needs_litert
@pytest.mark.parametrize("asymmetric", [False, True])
@pytest.mark.parametrize("operator", BUILDERS)
def test_a_weight_of_least_value_has_the_wrong_sign_as_in_litert(operator, asymmetric):
    variant = Variant(weights="int8", asymmetric=asymmetric, operator=operator, depth=40, cells=20)
    model = with_least_weights(BUILDERS[operator](variant))
    assert_equals_litert(model, random_rounds(model))
