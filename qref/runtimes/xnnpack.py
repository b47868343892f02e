"""xnnpack: LiteRT as it runs by default, ai-edge-litert 2.3.0: what the XNNPACK delegate takes, and litert-optimized for the rest.

The delegate decides node by node; fusing nodes has no effect on results. A file in qref/ops/xnnpack gives None for a node that the
delegate leaves. On CPUs without AVX2 and FMA, XNNPACK has other kernels, which give other bits.
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
