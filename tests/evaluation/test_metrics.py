"""Metrics against their definitions, counted by hand."""

import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qref.errors import InputError
from qref.evaluation import metrics


def by_definition(labels, found):
    """From the counts of each class that labels or predictions name."""
    classes = sorted({*labels, *found})
    total = len(labels)
    hits = {c: sum(a == b == c for a, b in zip(labels, found)) for c in classes}
    true, predicted = ({c: list(x).count(c) for c in classes} for x in (labels, found))
    precision = {c: hits[c] / predicted[c] if predicted[c] else 0 for c in classes}
    recall = {c: hits[c] / true[c] if true[c] else 0 for c in classes}
    f1 = [2 * hits[c] / (true[c] + predicted[c]) for c in classes]
    accuracy, chance = sum(hits.values()) / total, sum(true[c] * predicted[c] for c in classes) / total**2
    named = [c for c in classes if true[c]]
    return {
        "accuracy": accuracy,
        "precision": np.mean(list(precision.values())),
        "recall": np.mean(list(recall.values())),
        "f1": np.mean(f1),
        "balanced_accuracy": np.mean([recall[c] for c in named]),
        "cohen_kappa": (accuracy - chance) / (1 - chance) if chance < 1 else None,
    }


@given(st.integers(2, 6), st.data())
def test_classification_metrics_are_those_of_their_definitions(classes, data):
    rows = data.draw(st.integers(1, 30))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    labels = rng.integers(0, data.draw(st.integers(1, classes)), rows)  # some classes may never be named
    scores = rng.integers(-3, 3, (rows, classes)).astype(float)  # with many ties
    found, matrix = metrics.classification(scores, labels, top_k=2)
    predicted = [int(np.flatnonzero(row == row.max())[0]) for row in scores]
    for name, value in by_definition(labels.tolist(), predicted).items():
        if value is not None:
            assert found[name] == pytest.approx(value), name
    assert matrix.tolist() == [
        [sum(a == t and b == p for a, b in zip(labels, predicted)) for p in range(classes)] for t in range(classes)
    ]
    assert ("top_2" in found) == (classes > 2)
    if classes > 2:
        first_two = [sorted(range(classes), key=lambda c: (-row[c], c))[:2] for row in scores]
        assert found["top_2"] == pytest.approx(np.mean([a in b for a, b in zip(labels, first_two)]))


def test_top_k_is_at_most_the_number_of_classes_but_one():
    found, _ = metrics.classification(np.eye(3), np.arange(3))
    assert found["top_2"] == 1.0


def test_an_only_column_is_compared_with_the_threshold():
    logits, labels = np.array([[-1.0], [0.2], [0.7]]), np.array([0, 1, 1])
    assert metrics.classification(logits, labels)[0]["accuracy"] == pytest.approx(2 / 3)
    found, matrix = metrics.classification(logits, labels, threshold=0)
    assert found["accuracy"] == 1
    assert matrix.tolist() == [[1, 0], [0, 2]]


def test_classes_that_a_model_gives_itself_have_no_top_k():
    found, matrix = metrics.classification(np.array([0, 3, 1]), np.array([0, 3, 3]))
    assert found["accuracy"] == pytest.approx(2 / 3)
    assert not [name for name in found if name.startswith("top")]
    assert matrix[3].tolist() == [0, 1, 0, 1]


def test_a_matrix_of_very_many_classes_is_left_out():
    found, matrix = metrics.classification(np.array([1_000_000_000, 0]), np.array([1_000_000_000, 1]))
    assert found["accuracy"] == 0.5
    assert matrix.size == 0


def test_regression_errors_are_those_of_their_definitions():
    rng = np.random.default_rng(0)
    y, t = rng.normal(size=(2, 50, 1))
    assert metrics.regression(y, t) == pytest.approx(
        {
            "mean_absolute_error": np.abs(y - t).mean(),
            "root_mean_squared_error": np.sqrt(((y - t) ** 2).mean()),
            "max_error": np.abs(y - t).max(),
            "r2": 1 - ((y - t) ** 2).sum() / ((t - t.mean()) ** 2).sum(),
        }
    )
    assert np.isnan(metrics.regression(y[:1], t[:1])["r2"])


def test_agreement_is_the_share_of_equal_classes_and_the_ratio_of_signal_to_noise():
    reference = np.array([[3.0, 1.0], [0.0, 4.0]])
    found = metrics.agreement(reference - np.array([[3, 0], [0, 0]]), reference)
    assert found["agreement"] == 0.5
    assert found["snr"] == pytest.approx(10 * np.log10(26 / 9))
    assert metrics.agreement(reference, reference) == {"agreement": 1.0, "snr": float("inf")}
    assert metrics.noise(20) == pytest.approx(0.1)
    with pytest.raises(InputError, match=r"shape \[2, 1\], those of the first model \[2, 2\]"):
        metrics.agreement(reference[:, :1], reference)


def test_a_missing_scikit_learn_is_told_with_the_command_that_installs_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.metrics", None)
    with pytest.raises(InputError, match=r"pip install 'qref-tflite\[evaluate\]'"):
        metrics.classification(np.eye(3), np.arange(3))
