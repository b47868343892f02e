"""Binders of operators of two operands: ADD, SUB, MUL and their kin, QUANTIZE, DEQUANTIZE."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

BINDERS: dict[Callable[..., Any], Callable[..., Any]] = {}
