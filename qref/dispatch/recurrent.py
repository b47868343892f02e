"""Binders of the recurrent operators: UNIDIRECTIONAL_SEQUENCE_LSTM, LSTM, SVDF."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

BINDERS: dict[Callable[..., Any], Callable[..., Any]] = {}
