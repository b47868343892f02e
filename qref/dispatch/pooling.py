"""Binders of windows over the image: AVERAGE_POOL_2D, MAX_POOL_2D, RESIZE_BILINEAR."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

BINDERS: dict[Callable[..., Any], Callable[..., Any]] = {}
