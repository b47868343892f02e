"""Binders of functions of one operand: lookup tables, activations, SOFTMAX, LOG_SOFTMAX, L2_NORMALIZATION."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

BINDERS: dict[Callable[..., Any], Callable[..., Any]] = {}
