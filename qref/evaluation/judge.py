"""A judge: compares the outputs of any model with the same labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from qref.errors import InputError
from qref.evaluation import metrics
from qref.evaluation.labels import TASKS, classes_of, read_labels, targets_of, task_of

Confusion = tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True)
class Judge:
    """Compares outputs with labels; made once for all models.

    task        one of TASKS
    threshold   above which an only column means class 1
    top_k       at most; the number of classes but one, where there are fewer
    """

    labels: np.ndarray
    task: str
    threshold: float = 0.5
    top_k: int = 5

    @classmethod
    def of(cls, labels: Any, task: str | None = None, threshold: float = 0.5, top_k: int = 5) -> Judge:
        """From labels in any of the forms of qref.evaluation.labels; raises InputError."""
        if task not in (None, *TASKS):
            raise InputError(f"{task!r} is no task; it is {' or '.join(TASKS)}")
        if top_k < 1:
            raise InputError(f"top_k must be at least 1, found {top_k}")
        found = read_labels(labels)
        return cls(found, task or task_of(found), threshold, top_k)

    def metrics(self, given: np.ndarray) -> tuple[dict[str, float], Confusion]:
        """The metrics of a model's outputs, and the confusion matrix; raises InputError where the labels do not fit."""
        if self.task == "regression":
            return metrics.regression(given, targets_of(self.labels, given)), ()
        classes = classes_of(self.labels, given)
        found, matrix = metrics.classification(given, classes, threshold=self.threshold, top_k=self.top_k)
        return found, tuple(tuple(map(int, line)) for line in matrix)
