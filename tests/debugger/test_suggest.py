"""Suggest: what it wins back, that its recipe is one of the quantizer, and that the search is bounded and always the same."""

import json
import subprocess
import sys

import numpy as np
import pytest
from hard_models import cases

import qref
from qref.cli.suggestion import print_suggestion
from qref.debugger.neighborhood import neighborhoods
from qref.debugger.suggest import suggest
from qref.debugger.trial import Place
from qref.errors import InputError
from qref.quantizer import Recipe, calibrate
from qref.quantizer.graph import read
from qref.schema import GraphBuilder, TensorType, save, write

FLOAT = qref.bundled("digits_cnn_float")
CASES = {case.name: case for case in cases()}
OUTLIER = CASES["outlier channel"]
OPERATORS = {"outlier channel": {"CONV_2D", "MEAN", "FULLY_CONNECTED"}, "long LSTM": {"UNIDIRECTIONAL_SEQUENCE_LSTM"}}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_the_loss_is_won_back_on_data_that_the_search_did_not_see(case):
    found = suggest(case.model, case.calibration, *case.search)
    int8 = qref.quantize(case.model, representative_dataset=case.calibration)
    rows = qref.evaluate([write(case.model), int8, found.content], *case.test).rows
    whole, alone, suggested = (row.metrics["accuracy"] for row in rows)
    assert whole - alone > 0.2
    assert (suggested - alone) / (whole - alone) >= 0.8
    assert found.won_back >= 0.9
    assert 0 < len(found.changed) < found.operators
    assert found.bytes < found.float_bytes / 1.9
    changed = {place.operator for place, _ in found.changed}
    assert changed == OPERATORS.get(case.name, changed)


def test_numbers_are_those_of_evaluate_and_the_recipe_makes_the_model(tmp_path):
    found = suggest(OUTLIER.model, OUTLIER.calibration, *OUTLIER.search)
    int8 = qref.quantize(OUTLIER.model, representative_dataset=OUTLIER.calibration)
    rows = qref.evaluate([write(OUTLIER.model), int8, found.content], *OUTLIER.search).rows
    assert [row.metrics["accuracy"] for row in rows] == [found.float_value, found.quantized_value, found.value]
    assert [row.bytes for row in rows] == [found.float_bytes, found.quantized_bytes, found.bytes]
    assert found.won_back == (found.value - found.quantized_value) / (found.float_value - found.quantized_value)
    (tmp_path / "recipe.json").write_text(json.dumps(json.loads(json.dumps(found.to_dict()))["recipe"]))
    assert Recipe.of(tmp_path / "recipe.json") == found.recipe
    save(OUTLIER.model, tmp_path / "float.tflite")
    np.save(tmp_path / "data.npy", OUTLIER.calibration)
    command = ["float.tflite", "--recipe", "recipe.json", "--data", "data.npy", "-o", "mixed.tflite"]
    code = "from qref.cli import main; main()"
    subprocess.run([sys.executable, "-c", code, "quantize", *command], check=True, cwd=tmp_path, capture_output=True, timeout=300)
    assert (tmp_path / "mixed.tflite").read_bytes() == found.content


def test_each_try_by_itself_is_measured_as_its_recipe_says():
    found = suggest(OUTLIER.model, OUTLIER.calibration, *OUTLIER.search)
    assert len(found.tries) > 10
    assert [t.gain_per_byte for t in found.tries] == sorted((t.gain_per_byte for t in found.tries), reverse=True)
    for entry in (found.tries[0], found.tries[-1]):
        recipe = Recipe("full_integer", tuple(place.rule(scheme) for place, scheme in entry.changed))
        content = qref.quantize(OUTLIER.model, representative_dataset=OUTLIER.calibration, recipe=recipe)
        (row,) = qref.evaluate(content, *OUTLIER.search).rows
        assert row.metrics["accuracy"] == entry.value
        assert row.bytes - found.quantized_bytes == entry.bytes
        gain = (entry.value - found.quantized_value) / max(1, entry.bytes)
        assert entry.gain_per_byte == pytest.approx(gain)
        assert entry.won_back == pytest.approx(
            (entry.value - found.quantized_value) / (found.float_value - found.quantized_value)
        )
    assert len(found.to_pandas()) == len(found.tries)


def test_an_operator_without_a_dynamic_range_form_is_float():
    found = suggest(OUTLIER.model, OUTLIER.calibration, *OUTLIER.search)
    schemes = {place.operator: scheme for place, scheme in found.changed}
    assert schemes == {"CONV_2D": "dynamic_range", "MEAN": "float", "FULLY_CONNECTED": "float"}


def test_the_search_is_always_the_same_and_never_longer_than_allowed():
    arguments = OUTLIER.model, OUTLIER.calibration, *OUTLIER.search
    counts = []
    found = suggest(*arguments, progress=counts.append)
    assert found == suggest(*arguments)
    assert counts == list(range(1, found.tried + 1))
    for most in (1, 2, 10, found.tried - 1):
        short = suggest(*arguments, most_tries=most)
        assert short.tried <= most
        assert short.value >= short.quantized_value


def test_only_the_alternatives_given_are_used():
    found = suggest(OUTLIER.model, OUTLIER.calibration, *OUTLIER.search, alternatives=("float",))
    assert {scheme for _, scheme in found.changed} == {"float"}
    assert found.won_back >= 0.9


def test_a_calibration_stands_for_the_representative_dataset():
    calibration = calibrate(OUTLIER.model, OUTLIER.calibration)
    assert suggest(OUTLIER.model, None, *OUTLIER.search, calibration=calibration) == suggest(
        OUTLIER.model, OUTLIER.calibration, *OUTLIER.search
    )


def test_where_nothing_is_lost_nothing_is_changed():
    images = CASES["poor calibration"].search[0]
    found = suggest(FLOAT, images, images[:20], metric="agreement")
    assert (found.changed, found.tries, found.won_back, found.tried) == ((), (), 1.0, 1)
    assert found.content == qref.quantize(FLOAT, representative_dataset=images)


def test_without_labels_the_float_model_is_right():
    found = suggest(OUTLIER.model, OUTLIER.calibration, OUTLIER.search[0])
    assert (found.metric, found.float_value) == ("agreement", 1.0)
    assert found.won_back >= 0.9
    noise = suggest(OUTLIER.model, OUTLIER.calibration, OUTLIER.search[0], metric="snr")
    assert noise.float_value == float("inf")
    assert noise.to_dict()["float_value"] is None
    assert noise.won_back == pytest.approx(1 - 10 ** ((noise.quantized_value - noise.value) / 20))
    assert noise.won_back >= 0.9


def test_a_share_that_only_the_float_model_has_gives_the_best_mixed_model_found():
    found = suggest(OUTLIER.model, OUTLIER.calibration, OUTLIER.search[0], metric="snr", share=1.0)
    assert 0 < len(found.changed) < found.operators
    assert 0.5 < found.won_back < 1


def regressor(rng):
    """Two FULLY_CONNECTED; the first feeds the second a channel a thousand times as large as the others."""
    graph = GraphBuilder()
    x = graph.input("x", TensorType.FLOAT32, (1, 16))
    hidden, y = graph.tensor("hidden", TensorType.FLOAT32, (1, 32)), graph.tensor("y", TensorType.FLOAT32, (1, 1))
    first, second = rng.normal(size=(32, 16)), rng.normal(size=(1, 32))
    first[0] *= 1000
    second[:, 0] = 0
    for source, weights, target in ((x, first, hidden), (hidden, second, y)):
        constants = [graph.constant("w", weights.astype(np.float32)), graph.constant("b", np.zeros(len(weights), np.float32))]
        graph.operator("FULLY_CONNECTED", [source, *constants], [target], ("FullyConnectedOptions", {}))
    return graph.model(outputs=[y])


def test_errors_of_a_regression_are_won_back():
    rng = np.random.default_rng(0)
    model, data = regressor(rng), rng.normal(size=(60, 16)).astype(np.float32)
    targets = np.concatenate([qref.evaluation.outputs.outputs(model, data)]) + 0.01
    found = suggest(model, data[:30], data[30:], targets[30:])
    assert found.metric == "root_mean_squared_error"
    assert found.float_value == pytest.approx(0.01, rel=1e-3)
    assert found.quantized_value > 1
    assert found.value < 0.1 * found.quantized_value + found.float_value
    assert suggest(model, data[:30], data[30:]).metric == "snr"


def test_a_neighborhood_goes_through_operators_that_keep_the_scale():
    (graph,) = read(qref.load(FLOAT))
    groups = [[node.name for node in group] for group in neighborhoods(graph)]
    assert sorted(groups[1]) == ["ADD", "CONV_2D", "DEPTHWISE_CONV_2D", "MAX_POOL_2D"]
    assert groups[-1] == ["SOFTMAX"]


def test_a_name_is_matched_as_it_is_and_not_as_an_expression():
    rule = Place("CONV_2D", "a.b(c)[d];e+").rule("float")
    (graph,) = read(qref.load(FLOAT))
    node = graph.nodes[0]
    node.outputs[0].name = "a.b(c)[d];e+"
    assert rule.matches(node)
    node.outputs[0].name = "axb(c)[d];e+"
    assert not rule.matches(node)


def test_it_is_printed_with_what_was_tried(capsys):
    found = suggest(OUTLIER.model, OUTLIER.calibration, *OUTLIER.search)
    print_suggestion(found)
    text = capsys.readouterr().out
    assert "3 of 9" in text
    assert "100.0%" in text
    assert "float: MEAN model/global_average_pooling2d/Mean" in text


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"scheme": "int9"}, "'int9' is no scheme"),
        ({"alternatives": ("float", "double")}, "'double' is no scheme"),
        ({"alternatives": ()}, "at least one alternative"),
        ({"metric": "beauty"}, "no metric 'beauty' .* there are accuracy, precision"),
        ({"share": 0}, "0 < share <= 1"),
        ({"most_tries": 0}, "most_tries"),
        ({"representative_dataset": None}, "representative_dataset"),
        ({"labels": np.full(149, 10)}, "label 0 is 10"),
        ({"inputs": np.zeros((0, 8, 8, 1), np.float32)}, "no sample"),
    ],
)
def test_what_does_not_fit_is_one_clear_error(options, message):
    given = {"representative_dataset": OUTLIER.calibration, "inputs": OUTLIER.search[0], "labels": OUTLIER.search[1]}
    with pytest.raises(InputError, match=message):
        suggest(OUTLIER.model, **(given | options))
