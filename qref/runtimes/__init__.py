"""Which rule each runtime applies to each operator, with evidence and version."""

from __future__ import annotations

from qref.errors import InputError

from .litert_optimized import LITERT_OPTIMIZED
from .litert_reference import LITERT_REFERENCE
from .runtime import Runtime
from .tflm import TFLM, TFLM_SINGLE_ROUNDING
from .xnnpack import XNNPACK

RUNTIMES = {runtime.name: runtime for runtime in (LITERT_REFERENCE, LITERT_OPTIMIZED, XNNPACK, TFLM, TFLM_SINGLE_ROUNDING)}

__all__ = ["RUNTIMES", "Runtime", "runtime"]


def runtime(name: str) -> Runtime:
    """The runtime of that name; InputError lists the known ones.

    >>> runtime("litert-reference").version
    'ai-edge-litert 2.3.0'
    """
    if name not in RUNTIMES:
        raise InputError(f"unknown runtime {name!r}; known: {', '.join(RUNTIMES)}")
    return RUNTIMES[name]
