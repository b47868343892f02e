"""xnnpack: LiteRT as it runs by default, ai-edge-litert 2.3.0.

Nodes that the XNNPACK delegate takes are computed by its kernels (qref/ops/xnnpack), all others as in litert-optimized. The
delegate decides node by node, and how it fuses nodes has no effect on results. Its float kernels depend on the CPU: those for
AVX2 and for AVX-512 are here, chosen by the machine that qref runs on.
"""

from __future__ import annotations

from .litert_reference import LITERT_REFERENCE
from .runtime import Runtime

XNNPACK = Runtime(
    name="xnnpack",
    version="ai-edge-litert 2.3.0",
    requantize_rules=LITERT_REFERENCE.requantize_rules,
    kernel_sets=("xnnpack", "optimized", "reference"),
)
