"""How well models do their task: metrics against labels, and agreement with the first model."""

from __future__ import annotations

from qref.evaluation.evaluation import Evaluation, Row, evaluate

__all__ = ["Evaluation", "Row", "evaluate"]
