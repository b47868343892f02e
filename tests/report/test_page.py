"""The page: what is in it, the same bytes again, and nothing that a name from a model could do."""

import html.parser
import json
import re

import numpy as np
import pytest
from hostile import NAMES

import qref
import qref.compare.explain
from qref.compare.explain_text import number
from qref.inputs import fit
from qref.report import collect, report
from qref.schema import GraphBuilder, TensorType, load, save

FLOAT, INT8 = qref.bundled("digits_cnn_float"), qref.bundled("digits_cnn_int8")


class Elements(html.parser.HTMLParser):
    """The elements of a page, and its text without scripts and styles."""

    def __init__(self, text):
        super().__init__()
        self.found, self.text, self._skipped = [], "", False
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))
        self._skipped = tag in ("script", "style")

    def handle_endtag(self, tag):
        self._skipped = False

    def handle_data(self, data):
        self.text += "" if self._skipped else data


def first_sample(images):
    """For the int8 model, by tensor index."""
    detail = qref.Interpreter(INT8).get_input_details()[0]
    return {detail["index"]: fit(images[0], detail)}


def test_the_page_has_every_operator_with_its_numbers_and_an_explained_element(full):
    text = Elements(full.to_html()).text
    for layer in full.debugged.quantized_layers:
        assert f"{layer.operator} {layer.op_name}" in text
        if layer.own.snr is not None:
            assert f"{layer.own.snr:.1f} dB" in text
    for operator, elements in full.elements.items():
        assert elements.chosen, operator
        for chosen in elements.chosen:
            assert f"y[{', '.join(map(str, chosen.explained.element))}] = {number(chosen.explained.value)}" in text
            assert all(step.formula in text for step in chosen.explained.steps)


def test_ids_are_unique_and_every_link_leads_to_one(full):
    found = Elements(full.to_html()).found
    ids = [attributes["id"] for _, attributes in found if "id" in attributes]
    assert len(ids) == len(set(ids))
    links = {attributes["href"] for tag, attributes in found if tag in ("a", "use")}
    assert links
    assert links <= {f"#{id}" for id in ids}
    used = {value for _, attributes in found for value in attributes.values() if value and value.startswith("url(")}
    assert used
    assert used <= {f"url(#{id})" for id in ids}


def test_nothing_is_loaded_and_the_policy_forbids_it(full):
    found = Elements(full.to_html()).found
    assert [
        attributes for _, attributes in found if "style" in attributes or any(name.startswith("on") for name in attributes)
    ] == []
    sources = [attributes.get("src") or attributes.get("href", "") for _, attributes in found]
    assert [source for source in sources if source and not source.startswith(("#", "data:image/png;base64,"))] == []
    policy = next(attributes["content"] for tag, attributes in found if "http-equiv" in attributes)
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy


def test_the_same_inputs_give_the_same_bytes(full, digits):
    assert report(INT8, FLOAT, *digits).to_html() == full.to_html()


def test_without_a_float_model_there_are_values_instead_of_errors(digits):
    found = report(INT8, None, digits[0], verify_with=())
    assert (found.debugged, found.evaluation, found.samples) == (None, None, 30)
    interpreter = qref.Interpreter(INT8, runtime="xnnpack")
    interpreter.allocate_tensors()
    detail, outputs = interpreter.get_input_details()[0], []
    scale, zero_point = detail["quantization"]
    for image in digits[0]:
        interpreter.set_tensor(detail["index"], np.clip(np.round(image / scale) + zero_point, -128, 127).astype(np.int8))
        interpreter.invoke()
        outputs.append(interpreter.get_tensor(found.values[3].tensor))
    values, outputs = found.values[3], np.array(outputs)
    assert (values.least, values.greatest) == (outputs.min(), outputs.max())
    assert values.at_limits == np.mean((outputs == -128) | (outputs == 127))
    assert values.histogram.quantized.sum() == outputs.size // len(outputs) // max(1, outputs[0].size // 512) * len(outputs)
    text = Elements(found.to_html()).text
    assert f"{values.least:.4g} to {values.greatest:.4g}" in text
    assert "own SNR" in text  # the column; no operator has one
    assert "Error along the depth" not in text


def test_without_data_elements_of_drawn_inputs_are_explained():
    found = report(INT8, FLOAT, verify_with=())
    assert found.samples == 0
    assert all(each.chosen for each in found.elements.values())
    text = Elements(found.to_html()).text
    assert "without data" in text
    assert "On inputs drawn from a seed" in text
    assert "Nothing was compared" in text


def test_a_model_that_cannot_be_run_is_shown_with_the_reason(tmp_path):
    graph = GraphBuilder()
    x, y = graph.input("x", TensorType.FLOAT32, (2,)), graph.tensor("y", TensorType.FLOAT32, (2,))
    graph.operator("CUSTOM", [x], [y], custom_code=NAMES[1], custom_options=b"\1")
    save(graph.model(outputs=[y]), tmp_path / "custom.tflite")
    found = report(tmp_path / "custom.tflite", verify_with=())
    assert "operator 0" in found.reason
    page = Elements(found.to_html())
    assert "could not be run in xnnpack" in page.text
    assert "</style></title><img src=x" in page.text
    assert not [tag for tag, _ in page.found if tag == "img"]


def test_hostile_names_stay_text(hostile_page, page):
    made = hostile_page.read_text()
    text = Elements(made)
    assert [tag for tag, _ in text.found if tag in ("script", "style", "title")] == ["title", "style", "script"]
    assert not [tag for tag, _ in text.found if tag in ("img", "iframe", "object")]
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069]", made)
    assert "x" * 500 not in made
    for shown in ("<script>window.harmed = 1</script>", r"\x1b[31m", r"\u202egnp.exe", "{{ 7 * 7 }}", "(10,000 characters)"):
        assert shown in text.text
    assert len(made) < 2 * len(page.read_text())


def test_elements_are_the_worst_those_that_runtimes_disagree_on_and_the_extremes(full, digits):
    layer = full.debugged.layers[3]
    chosen = full.elements[3].chosen
    assert chosen[0].explained.element == layer.worst_element
    output = qref.compare.explain.Explainer(load(INT8), first_sample(digits[0]), "xnnpack").output(3)
    extremes = {one.why: one.explained.value for one in chosen if "of this sample" in one.why and "error" not in one.why}
    assert extremes.items() <= {"the greatest of this sample": output.max(), "the least of this sample": output.min()}.items()
    for each in full.elements.values():
        for one in each.chosen:
            if "gives another number" in one.why:
                assert one.explained.others[one.why.split()[0]] != one.explained.value


def test_of_many_operators_those_with_the_most_error_are_told_in_detail(monkeypatch, digits):
    monkeypatch.setattr(collect, "DETAILED", 2)
    found = report(INT8, FLOAT, digits[0], verify_with=())
    assert found.detailed == {layer.operator for layer in found.debugged.worst(2)}
    assert {operator for operator, elements in found.elements.items() if elements.chosen} == found.detailed
    assert all(elements.differing for elements in found.elements.values())
    assert Elements(found.to_html()).text.count("shown of 2 operators, those with the most error") == len(found.elements) - 2


def test_an_output_of_truth_values_has_no_element_to_explain(tmp_path):
    graph = GraphBuilder()
    x, y = graph.input("x", TensorType.FLOAT32, (2,)), graph.tensor("y", TensorType.BOOL, (2,))
    graph.operator("LESS", [x, x], [y], ("LessOptions", {}))
    save(graph.model(outputs=[y]), tmp_path / "less.tflite")
    found = report(tmp_path / "less.tflite", verify_with=())
    assert found.elements[0].reason == "its output holds no numbers to choose from"
    assert "No element is explained: its output holds" in Elements(found.to_html()).text


def test_to_dict_is_json_and_a_notebook_shows_the_page(full):
    found = json.loads(json.dumps(full.to_dict(), allow_nan=False))
    assert found["debug"]["samples"] == 30
    assert found["elements"]["3"]["chosen"][0]["explained"]["steps"]
    assert full._repr_html_().startswith("<iframe srcdoc=")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (dict(dataset=np.zeros((0, 1, 8, 8, 1), np.float32)), "holds no sample"),
        (dict(dataset=np.full((2, 1, 8, 8, 1), np.nan, np.float32)), "NaN"),
        (dict(dataset=np.zeros((2, 1, 9, 8, 1), np.float32)), "9"),
        (dict(runtime="tpu"), "tpu"),
        (dict(dataset=np.zeros((2, 1, 8, 8, 1), np.float32), labels=[0, 1, 2]), "labels"),
    ],
)
def test_wrong_input_is_named(arguments, message):
    with pytest.raises(qref.InputError, match=message):
        report(INT8, FLOAT, verify_with=(), **arguments)
