"""Binders of reductions: MEAN, SUM."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

BINDERS: dict[Callable[..., Any], Callable[..., Any]] = {}
