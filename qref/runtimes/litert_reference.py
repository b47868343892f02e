"""litert-reference: the kernels behind OpResolverType.BUILTIN_REF in ai-edge-litert 2.3.0.

Evidence: each rule compared with the wheel, bit for bit, on as many output elements as stands beside it.
"""

from __future__ import annotations

from qref.arithmetic.requantize import DoubleRounding, Float64HalfAway, SingleRounding64

from .runtime import RequantizeRule, Runtime

LITERT_REFERENCE = Runtime(
    name="litert-reference",
    version="ai-edge-litert 2.3.0",
    requantize_rules=(
        RequantizeRule(
            "FULLY_CONNECTED", 32, Float64HalfAway, "120,000 elements for each of int8, uint8 and int16, 0 mismatches"
        ),
        RequantizeRule("FULLY_CONNECTED", 64, Float64HalfAway, "120,000 elements, 0 mismatches"),
        RequantizeRule(
            "*", 32, DoubleRounding, "CONV_2D 64,000, DEPTHWISE_CONV_2D 32,000, elementwise 82,000 each, 0 mismatches"
        ),
        RequantizeRule("*", 64, SingleRounding64, "CONV_2D 64,000, DEPTHWISE_CONV_2D 32,000, BATCH_MATMUL 24,000, 0 mismatches"),
    ),
)
