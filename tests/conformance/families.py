"""All combinations, one list for each runtime: importing the families registers them."""

from __future__ import annotations

from . import elementwise, graphs, lookup, matmul, micro, movement, recurrent, unary, window  # noqa: F401
from .combination import COMBINATIONS, OF_TFLM, Combination

__all__ = ["COMBINATIONS", "Combination", "combinations_of"]


def combinations_of(runtime: str) -> list[Combination]:
    """The combinations that a runtime is compared on."""
    every = [*COMBINATIONS, *(OF_TFLM if runtime == "tflm" else ())]
    return list({(c.operator, c.types): c for c in every}.values())
