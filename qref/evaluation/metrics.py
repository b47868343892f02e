"""Metrics of a task, by scikit-learn, and how far outputs are from those of another model."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from qref.errors import InputError

Metrics = dict[str, float]

MOST_CLASSES = 1024  # of a confusion matrix
TITLES = {"f1": "F1", "cohen_kappa": "Cohen's kappa", "snr": "SNR, dB", "r2": "R2"}
LESS_IS_BETTER = ("mean_absolute_error", "root_mean_squared_error", "max_error")


def title(name: str) -> str:
    """What a metric is called where people read it."""
    return TITLES.get(name, name.replace("_", " ").replace("top ", "top-"))


def classes_from(outputs: np.ndarray, threshold: float) -> np.ndarray:
    """The class [rows] that each row names: its greatest, the first of several; with one column, 1 above the threshold."""
    if outputs.ndim == 1:
        return outputs
    return (outputs[:, 0] > threshold).astype(np.int64) if outputs.shape[1] == 1 else outputs.argmax(axis=1)


def classification(
    outputs: np.ndarray, labels: np.ndarray, *, threshold: float = 0.5, top_k: int = 5
) -> tuple[Metrics, np.ndarray]:
    """The metrics, and the confusion matrix [true class, predicted class], empty where there are more than MOST_CLASSES.

    outputs   [rows, classes], [rows, 1] or, classes, [rows]
    labels    [rows] int64
    Precision, recall and F1 are means over the classes that labels or outputs name, balanced accuracy over those of labels.
    """
    sklearn = _metrics()
    found = classes_from(outputs, threshold)
    columns = max(2, outputs.shape[1]) if outputs.ndim > 1 else int(max(found.max(), labels.max())) + 1
    mean = {"average": "macro", "zero_division": 0}
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # of classes that only one of the two names, and of kappa with a single class
        metrics = {
            "accuracy": sklearn.accuracy_score(labels, found),
            "precision": sklearn.precision_score(labels, found, **mean),
            "recall": sklearn.recall_score(labels, found, **mean),
            "f1": sklearn.f1_score(labels, found, **mean),
            "balanced_accuracy": sklearn.balanced_accuracy_score(labels, found),
            "cohen_kappa": sklearn.cohen_kappa_score(labels, found),
        }
        if outputs.ndim > 1 and columns > 2:
            k = min(top_k, columns - 1)
            # scikit-learn prefers the last of equal scores, which integer outputs often are; argmax, and LiteRT, the first
            last = columns - 1
            score = sklearn.top_k_accuracy_score(last - labels, outputs[:, ::-1], k=k, labels=np.arange(columns))
            metrics[f"top_{k}"] = score
    matrix = np.zeros((0, 0), np.int64)
    if columns <= MOST_CLASSES:
        matrix = sklearn.confusion_matrix(labels, found, labels=np.arange(columns))
    return {name: float(value) for name, value in metrics.items()}, matrix


def regression(outputs: np.ndarray, targets: np.ndarray) -> Metrics:
    """The errors of outputs [rows, columns] against targets of the same shape; R2 is NaN for a single row."""
    sklearn = _metrics()
    squared = sklearn.mean_squared_error(targets, outputs)
    return {
        "mean_absolute_error": float(sklearn.mean_absolute_error(targets, outputs)),
        "root_mean_squared_error": float(np.sqrt(squared)),
        "max_error": float(sklearn.max_error(targets.reshape(-1), outputs.reshape(-1))),
        "r2": float(sklearn.r2_score(targets, outputs)) if len(targets) > 1 else float("nan"),
    }


def agreement(outputs: np.ndarray, reference: np.ndarray, threshold: float | None = 0.5) -> Metrics:
    """How near outputs are to those of another model: the share of rows that name the same class, and the SNR in dB.

    threshold   as for `classes_from`; None: outputs are no classes
    """
    if outputs.shape != reference.shape:
        raise InputError(f"its outputs have shape {list(outputs.shape)}, those of the first model {list(reference.shape)}")
    found: Metrics = {}
    if threshold is not None:
        found["agreement"] = float(np.mean(classes_from(outputs, threshold) == classes_from(reference, threshold)))
    if outputs.ndim > 1:
        found["snr"] = snr(outputs, reference)
    return found


def snr(outputs: np.ndarray, reference: np.ndarray) -> float:
    """The signal-to-noise ratio 10 * log10(sum(reference^2) / sum((outputs - reference)^2)), dB; infinite if nothing differs."""
    signal, noise = (float(np.square(x, dtype=np.float64).sum()) for x in (reference, outputs - reference))
    if noise == 0:
        return float("inf")
    return 10 * float(np.log10(signal / noise)) if signal else float("-inf")


def noise(snr: float) -> float:
    """The root mean square of what differs, relative to the reference, for an SNR in dB."""
    return float(10 ** (-snr / 20))


def _metrics() -> Any:
    try:
        import sklearn.metrics
    except ImportError:
        raise InputError("metrics need scikit-learn; install it with: pip install 'qref-tflite[evaluate]'") from None
    return sklearn.metrics
