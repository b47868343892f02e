"""Results show themselves in a notebook: a table that has their numbers, and names from a model only as text."""

import numpy as np
import pytest
from hostile import renamed

import qref
from qref.bench import bench
from qref.compare.diff import diff
from qref.compare.explain import explain
from qref.compare.verify import Verification
from qref.inputs import inputs_of
from qref.schema import load

SAMPLES = np.random.default_rng(3).uniform(0, 1, (9, 1, 8, 8, 1)).astype(np.float32)


@pytest.fixture
def models(tmp_path):
    return [renamed(qref.bundled(name), tmp_path / f"{name}.tflite") for name in ("digits_cnn_float", "digits_cnn_int8")]


def results(models):
    model = load(models[1])
    yield qref.debug(*models, SAMPLES), "CONV_2D"
    yield qref.evaluate(models, SAMPLES), "agreement"
    yield qref.analyze(models[1]), "DEPTHWISE_CONV_2D"
    yield explain(model, 3, (0, 1, 2, 5), inputs_of(model, [], 0)), "quantized_multiplier"
    yield diff(models[1], "litert-reference", "xnnpack"), "SOFTMAX"
    yield Verification("<b>", "xnnpack", "refused", reason="<script>\x1b"), "refused"
    yield bench("ADD:4x4", ["numpy"], seconds=0.01), "numpy"


def test_results_are_tables_with_their_numbers_and_harmless_names(models):
    for result, known in results(models):
        shown = result._repr_html_()
        assert shown.startswith("<table>")
        assert known in shown
        assert "<script>" not in shown
        assert "\x1b" not in shown
        assert "\u202e" not in shown
        assert "x" * 500 not in shown


def test_a_number_of_a_table_is_that_of_the_result(models):
    report = qref.debug(*models, SAMPLES)
    layer = report.worst(1)[0]
    assert f"<td>{layer.own.snr:.4g}</td>" in report._repr_html_()
