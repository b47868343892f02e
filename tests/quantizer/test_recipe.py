"""Which operator is treated how: recipes, denylists, mixed schemes, and refusals."""

import json
import re

import numpy as np
import pytest
from oracle import assert_equals_litert, needs_litert
from recurrent_models import Variant, lstm_model, random_rounds

import qref
from qref.quantizer import Recipe, Rule, quantize_model
from qref.schema import TensorType, load

RNG = np.random.default_rng(3)
SAMPLES = RNG.uniform(0, 1, (10, 1, 8, 8, 1)).astype(np.float32)
MODEL = qref.bundled("digits_cnn_float")


def types_of_weights(content):
    """For each CONV_2D and FULLY_CONNECTED: the types of input, weights and output."""
    graph = load(content).subgraphs[0]
    return [
        tuple(graph.tensors[i].type.name for i in (o.inputs[0], o.inputs[1], o.outputs[0]))
        for o in graph.operators
        if o.name in ("CONV_2D", "FULLY_CONNECTED")
    ]


@needs_litert
@pytest.mark.parametrize("scheme", ["full_integer", "int16x8", "dynamic_range"])
def test_one_scale_for_each_tensor_of_weights(scheme):
    content = qref.quantize(MODEL, scheme, SAMPLES, per_axis=False)
    model = load(content)
    found = [model.data(t) for t in model.subgraphs[0].tensors if t.type == TensorType.INT8 and model.data(t) is not None]
    scales = [len(t.quantization.scale) for t in model.subgraphs[0].tensors if t.quantization is not None]
    assert max(scales) == 1
    assert all(np.abs(w.astype(int)).max() == 127 for w in found)
    assert_equals_litert(model)


def test_weights_of_one_operator_per_tensor():
    recipe = {"rules": [{"operators": "FULLY_CONNECTED", "per_axis": False}]}
    graph = load(qref.quantize(MODEL, representative_dataset=SAMPLES, recipe=recipe)).subgraphs[0]
    scales = {o.name: len(graph.tensors[o.inputs[1]].quantization.scale) for o in graph.operators if len(o.inputs) == 3}
    assert scales["FULLY_CONNECTED"] == 1
    assert scales["CONV_2D"] > 1


@needs_litert
def test_convolutions_in_integers_and_the_rest_dynamic_range():
    recipe = {"scheme": "dynamic_range", "rules": [{"operators": ".*CONV_2D", "scheme": "full_integer"}]}
    content = qref.quantize(MODEL, representative_dataset=SAMPLES, recipe=recipe)
    *convolutions, dense = types_of_weights(content)
    assert set(convolutions) == {("INT8", "INT8", "INT8")}
    assert dense == ("FLOAT32", "FLOAT32", "FLOAT32")  # fewer than 1024 weights: not worth it
    assert assert_equals_litert(load(content))


@needs_litert
@pytest.mark.parametrize("kernel_set", ["reference", "optimized", "xnnpack"])
def test_four_bit_weights(kernel_set):
    recipe = {"rules": [{"operators": "FULLY_CONNECTED|CONV_2D", "weight_bits": 4}]}
    content = qref.quantize(MODEL, representative_dataset=SAMPLES, recipe=recipe)
    assert set(types_of_weights(content)) == {("INT8", "INT4", "INT8")}
    assert assert_equals_litert(load(content), kernel_set=kernel_set)


def test_denied_operators_and_nodes_stay_float():
    graph = load(MODEL).subgraphs[0]
    first = graph.tensors[graph.operators[0].outputs[0]].name
    content = qref.quantize(MODEL, representative_dataset=SAMPLES, denylisted_ops=["FULLY_CONNECTED"], denylisted_nodes=[first])
    first_convolution, *others, dense = types_of_weights(content)
    assert set(first_convolution) == set(dense) == {"FLOAT32"}
    assert all(set(types) == {"INT8"} for types in others)


def test_the_last_rule_decides():
    rules = Rule("CONV_2D", scheme="float"), Rule(".*", weight_bits=4), Rule("CONV_2D", scheme="int16x8")
    recipe = Recipe("full_integer", rules)
    node = read_first(MODEL)
    assert recipe.treatment(node).scheme == "int16x8"
    assert recipe.treatment(node).bits == 4


def read_first(path):
    from qref.quantizer.graph import read

    return read(load(path))[0].nodes[0]


def test_a_recipe_is_read_from_a_file_and_written_again(tmp_path):
    stated = {"scheme": "dynamic_range", "rules": [{"operators": "CONV_2D", "scheme": "float"}]}
    (tmp_path / "recipe.json").write_text(json.dumps(stated))
    assert Recipe.of(tmp_path / "recipe.json").to_dict() == stated


@pytest.mark.parametrize(
    ("recipe", "why"),
    [
        ({"scheme": "int9"}, "'int9' is no scheme"),
        ({"rules": [{"operators": "("}]}, "no regular expression"),
        ({"rules": [{"weight_bits": 3}]}, "weight_bits is 3"),
        ({"rules": [{"per_axis": "no"}]}, "per_axis is 'no'"),
        ({"rules": [{"operator": "CONV_2D"}]}, "not understood"),
        ({"rules": [{"operators": "LSTM"}]}, "rule 0 of the recipe matches no operator"),
        ({"rules": 7}, "not understood"),
    ],
)
def test_a_wrong_recipe_is_refused(recipe, why):
    with pytest.raises(qref.InputError, match=re.escape(why)):
        quantize_model(MODEL, recipe=recipe, representative_dataset=SAMPLES)


def test_what_a_scheme_needs_is_asked_for():
    with pytest.raises(qref.InputError, match="representative_dataset"):
        qref.quantize(MODEL)
    with pytest.raises(qref.InputError, match="no type of an input"):
        qref.quantize(MODEL, "dynamic_range", inference_input_type="int32")
    with pytest.raises(qref.InputError, match="no operator that computes with such integers"):
        qref.quantize(MODEL, "dynamic_range", inference_input_type="int8")
    with pytest.raises(qref.InputError, match="quantized already"):
        qref.quantize(qref.bundled("digits_cnn_int8"), representative_dataset=SAMPLES)


def test_integer_only_names_what_cannot_be():
    graph = qref.schema.GraphBuilder()
    x = graph.input("x", TensorType.FLOAT32, (1, 4))
    y = graph.tensor("y", TensorType.FLOAT32, (1, 4))
    graph.operator("ELU", [x], [y])
    model = graph.model(outputs=[y])
    samples = [np.float32([[0, 1, 2, 3]])]
    assert quantize_model(model, representative_dataset=samples).stays_float == (
        "operator 0 (ELU): there is no ELU with INT8 activations",
    )
    with pytest.raises(qref.UnsupportedOperator, match="1 operators cannot compute with integers only: operator 0"):
        quantize_model(model, representative_dataset=samples, integer_only=True)


@needs_litert
@pytest.mark.parametrize("cifg", [False, True])
@pytest.mark.parametrize("scheme", ["dynamic_range", "float16", "full_integer", "int16x8"])
def test_a_fused_lstm_runs_in_litert_in_every_scheme(scheme, cifg):
    model = lstm_model(Variant(time_major=False, batch=1, cifg=cifg))
    samples = [[round[0]] for round in random_rounds(model)]
    result = quantize_model(model, scheme, samples)
    assert bool(result.stays_float) == (scheme == "int16x8")
    assert_equals_litert(load(result.content), [{0: sample[0]} for sample in samples])
