"""Which of XNNPACK's kernels this machine's CPU gets, where they give other bits."""

from __future__ import annotations

import importlib
from functools import cache


def has_avx512() -> bool:
    """Whether XNNPACK takes its AVX-512 kernels here; else those for AVX2 and FMA are meant."""
    return _has("AVX512F")


def has_avx512_fp16() -> bool:
    """Whether XNNPACK computes in float16 here; on other CPUs, most of its float16 kernels compute in float32."""
    return _has("AVX512FP16")


@cache
def _has(feature: str) -> bool:
    features = getattr(importlib.import_module("numpy._core._multiarray_umath"), "__cpu_features__", {})
    return bool(features.get(feature, False))


def float32_lanes() -> int:
    """How many float32 numbers a register holds: sums over an axis are taken in so many lanes."""
    return 16 if has_avx512() else 8
