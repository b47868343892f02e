"""Combinations of which LiteRT refuses models, or TFLM all drawn ones, each with its reason."""

from __future__ import annotations

from qref.runtimes.tflm import TFLM

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
    **{
        (name, types): ("litert-reference litert-optimized xnnpack", NO_TYPE)
        for name, types in (
            ("ADD_N", "int8"),
            ("CUMSUM", "int8"),
            ("SQUARED_DIFFERENCE", "int16"),
            ("UNIDIRECTIONAL_SEQUENCE_LSTM", "int16"),
            ("ZEROS_LIKE", "int8"),
        )
    },
    ("REDUCE_MAX", "bool"): ("litert-optimized xnnpack", NO_BOOL),
    ("REDUCE_MIN", "bool"): ("litert-optimized xnnpack", NO_BOOL),
    ("REDUCE_PROD", "bool"): ("litert-optimized xnnpack", NO_BOOL),
    ("SUM", "bool"): ("litert-optimized xnnpack", NO_BOOL),
}


NOT_IN_TFLM = "TFLM has no such operator"
NO_TYPE_IN_TFLM = "TFLM's kernel lacks this type"
BRANCHES = "TFLM lacks TILE, which the drawn branches hold"
HYBRID = "TFLM lacks weights of 8 bits for float32 activations"
TFLM_REASONS = {
    **{("SVDF", types): HYBRID for types in ("float32xint8", "float32xuint8")},
    **{("IF", types): BRANCHES for types in ("float32", "int8", "int32")},
    **{("UNIDIRECTIONAL_SEQUENCE_LSTM", types): HYBRID for types in ("float32xint8", "float32xuint8")},
}

# (operator, types) -> why TFLM's results are not defined for some of the drawn models or for all, which qref then refuses
UNDEFINED_IN_TFLM: dict[tuple[str, str], str] = {
    ("GREATER", "int16"): "TFLM never sets the constants of int16",
    ("TFLite_Detection_PostProcess", "float32"): "behind the last detection, TFLM leaves in memory what was there",
    ("TRANSPOSE_CONV", "int16xint8xint32"): "TFLM reads a bias of int32 as int64, and past its end",
}


def reason_of_refusal(operator: str, types: str, runtime: str) -> str | None:
    """Why LiteRT refuses models of a combination; None if it does not."""
    runtimes, reason = REFUSED.get((operator, types), ("", ""))
    return reason if runtime in runtimes.split() else None


def reason_of_tflm(operator: str, types: str) -> str:
    """Why TFLM takes no drawn model of a combination, where that was found to be so."""
    reason = NO_TYPE_IN_TFLM if operator in (TFLM.operators or {}) else NOT_IN_TFLM
    return {**TFLM_REASONS, **UNDEFINED_IN_TFLM}.get((operator, types), reason)
