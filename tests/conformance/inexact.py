"""Combinations in which qref is known to differ from LiteRT in some elements, each with its reason; the evidence counts them."""

from __future__ import annotations

from qref.ops.xnnpack._cpu import has_avx512_fp16

HALF = "without AVX512-FP16, XNNPACK has float16 kernels that are not modelled"
POWER = "with a beta other than 1 and 1/2 the last bit is that of Eigen's power"

# (operator, types) -> (runtimes, reason)
INEXACT: dict[tuple[str, str], tuple[str, str]] = {
    **({} if has_avx512_fp16() else {(name, "float16"): ("xnnpack", HALF) for name in ("SIN", "COS", "GELU", "TANH")}),
    ("LOCAL_RESPONSE_NORMALIZATION", "float32"): ("litert-optimized xnnpack", POWER),
}


def reason_of_mismatches(operator: str, types: str, runtime: str) -> str | None:
    """Why a combination is known to differ; None if it does not."""
    runtimes, reason = INEXACT.get((operator, types), ("", ""))
    return reason if runtime in runtimes.split() else None
