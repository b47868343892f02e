"""Combinations of which LiteRT refuses models, each with its reason."""

from __future__ import annotations

NOT_REGISTERED = "the reference kernels of ai-edge-litert 2.3.0 lack this operator"
NO_TYPE = "the kernel lacks this type"
NO_BOOL = "the optimized kernel fails on bools, unless every reduced axis has one element"

# (operator, types) -> (runtimes, reason)
REFUSED: dict[tuple[str, str], tuple[str, str]] = {
    ("CEIL", "float32"): ("litert-reference", NOT_REGISTERED),
    ("ELU", "float32"): ("litert-reference", NOT_REGISTERED),
    ("ELU", "int8"): ("litert-reference", NOT_REGISTERED),
    ("ROUND", "float16"): ("litert-reference", NOT_REGISTERED),
    ("ROUND", "float32"): ("litert-reference", NOT_REGISTERED),
    ("SEGMENT_SUM", "float32"): ("litert-reference", NOT_REGISTERED),
    ("SEGMENT_SUM", "int32"): ("litert-reference", NOT_REGISTERED),
    **{
        ("STABLEHLO_AND", types): ("litert-reference", NOT_REGISTERED)
        for types in ("bool", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64")
    },
    **{("STABLEHLO_SHIFT_LEFT", types): ("litert-reference", NOT_REGISTERED) for types in ("int8", "int16", "int32")},
    ("DENSIFY", "int32"): ("litert-reference litert-optimized xnnpack", NO_TYPE),
    ("REDUCE_MAX", "bool"): ("litert-optimized xnnpack", NO_BOOL),
    ("REDUCE_MIN", "bool"): ("litert-optimized xnnpack", NO_BOOL),
    ("REDUCE_PROD", "bool"): ("litert-optimized xnnpack", NO_BOOL),
    ("SUM", "bool"): ("litert-optimized xnnpack", NO_BOOL),
}


def reason_of_refusal(operator: str, types: str, runtime: str) -> str | None:
    """Why LiteRT refuses a combination; None if it does not."""
    runtimes, reason = REFUSED.get((operator, types), ("", ""))
    return reason if runtime in runtimes.split() else None
