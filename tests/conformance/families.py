"""All combinations, one list: importing the families registers them."""

from __future__ import annotations

from . import elementwise, graphs, lookup, matmul, movement, recurrent, unary, window  # noqa: F401
from .combination import COMBINATIONS, Combination

__all__ = ["COMBINATIONS", "Combination"]
