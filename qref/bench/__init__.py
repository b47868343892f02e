"""How fast qref runs a model or an operator, against LiteRT, against its own readable form and against kernels of yours.

import qref.bench

qref.bench.register("FULLY_CONNECTED", bind)                    # bind(plan, constants) -> function of the inputs
result = qref.bench.bench("FULLY_CONNECTED:64x1024x1024", against=["litert:xnnpack", "kernels"], operators=True)
"""

from __future__ import annotations

from qref.bench.benchmark import Bench, bench
from qref.bench.registry import load_kernels, register
from qref.bench.subjects import find_subjects

__all__ = ["Bench", "bench", "find_subjects", "load_kernels", "register"]
