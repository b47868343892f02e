"""LiteRT as an oracle, with any of its three sets of kernels."""

from __future__ import annotations

from qref.compare.oracle import Oracle


class Litert(Oracle):
    """A LiteRT process; its kernel sets are "reference", "optimized" and "xnnpack"."""

    NAME, MODULE, EXTRA = "LiteRT", "ai_edge_litert", "litert"
    KERNEL_SETS = ("reference", "optimized", "xnnpack")

    def __init__(self, kernel_set: str = "reference", timeout: float = 300.0):
        super().__init__(kernel_set, timeout)
