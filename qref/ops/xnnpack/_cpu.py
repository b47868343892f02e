"""Which of XNNPACK's kernels this machine's CPU gets, where they give other bits."""

from __future__ import annotations

import importlib
from functools import cache


@cache
def has_avx512() -> bool:
    """Whether XNNPACK takes its AVX-512 kernels here; else those for AVX2 and FMA are meant."""
    features = getattr(importlib.import_module("numpy._core._multiarray_umath"), "__cpu_features__", {})
    return bool(features.get("AVX512F", False))


def float32_lanes() -> int:
    """How many float32 numbers a register holds: sums over an axis are taken in so many lanes."""
    return 16 if has_avx512() else 8
