"""litert-optimized: the kernels behind OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES in ai-edge-litert 2.3.0.

Operators without a file in qref/ops/optimized compute as in litert-reference.
Evidence: each rule compared with the wheel, bit for bit, on as many output elements as stands beside it.
"""

from __future__ import annotations

from .litert_reference import LITERT_REFERENCE
from .runtime import Runtime

LITERT_OPTIMIZED = Runtime(
    name="litert-optimized",
    version="ai-edge-litert 2.3.0",
    requantize_rules=LITERT_REFERENCE.requantize_rules,
    kernel_sets=("optimized", "reference"),
)
