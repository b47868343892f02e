"""xnnpack: LiteRT as it runs by default, ai-edge-litert 2.3.0.

Nodes that the XNNPACK delegate takes are computed by its kernels (qref/ops/xnnpack), all others as in litert-optimized. The
delegate decides node by node, and how it fuses nodes has no effect on results. Its float kernels depend on the CPU: those for
AVX2 and for AVX-512 are here, chosen by the machine that qref runs on. In XNNPACK denormals are zeros.
"""

from __future__ import annotations

from .litert_optimized import LITERT_OPTIMIZED
from .runtime import Rule, Runtime

XNNPACK = Runtime(
    name="xnnpack",
    version="ai-edge-litert 2.3.0",
    requantize_rules=LITERT_OPTIMIZED.requantize_rules,
    kernel_sets=("xnnpack", *LITERT_OPTIMIZED.kernel_sets),
    rules=(
        Rule(
            "FULLY_CONNECTED CONV_2D DEPTHWISE_CONV_2D TRANSPOSE_CONV",
            "int8 uint8",
            "constant weights: float32_half_even; else, and int4 of a convolution, as litert-optimized",
        ),
        Rule("BATCH_MATMUL", "int8", "zero point 0 in the second operand: float32_half_even; else as litert-optimized"),
        Rule(
            "FULLY_CONNECTED", "float32xint8 float32xint4 float32xint2", "rows to int8, zero points; fma(acc * s_row, s_w, bias)"
        ),
        Rule("CONV_2D", "float32xint8", "images (1 x 1: pixels) to int8, zero points; fma(acc * s_x, s_w, bias)"),
        Rule("TRANSPOSE_CONV", "float32xint8", "images to int8, zero points; fma(acc * s_x, s_w, bias)"),
        Rule("BATCH_MATMUL", "float32xint8", "rows to int8, zero points; acc * s_row * s_w"),
        Rule("FULLY_CONNECTED CONV_2D TRANSPOSE_CONV BATCH_MATMUL", "float32", "fused multiply-adds from the bias on, in order"),
        Rule("DEPTHWISE_CONV_2D", "float32", "fused multiply-adds; taps down the columns (25 or less), else along the rows"),
        Rule("ADD SUB", "int8 uint8", "both operands with 20 bits behind the point, the sum rounded once, ties up"),
        Rule("MUL", "int8 uint8", "the product by float32(float32(s_1 s_2) / s_y): float32_half_even"),
        Rule(
            "LEAKY_RELU",
            "int8 uint8",
            "multipliers with 8 bits behind the point: single_rounding_8; scales far apart as litert-optimized",
        ),
        Rule("QUANTIZE", "float32", "x times float32(1 / s_y), half to even, everywhere"),
        Rule("QUANTIZE", "int8 uint8", "to the same type: single_rounding_8; else as litert-optimized"),
        Rule("DEQUANTIZE", "int8 uint8", "float32(s_x * (x - z_x)), one rounding"),
        Rule(
            "LOGISTIC TANH ELU", "int8 uint8", "a table of 256 entries, each rounded half to even after the zero point is added"
        ),
        Rule("MEAN SUM", "int8 uint8", "the sum by a float32 factor, plus a float32 bias, half to even"),
        Rule("MEAN SUM", "float32", "in lanes over the innermost axis, times 1 / n"),
        Rule(
            "AVERAGE_POOL_2D",
            "float32",
            "taps down the columns, nine at a time, times 1 / count; another row's window where padding overlaps",
        ),
        Rule("MAX_POOL_2D REDUCE_MAX REDUCE_MIN", "*", "numbers are compared; denormals are zeros"),
        Rule("SOFTMAX", "float32", "beta 1: a polynomial for exp, the sum in lanes, times the reciprocal"),
        Rule("TANH GELU SIN COS", "float16", "float16 arithmetic (AVX512-FP16), quotients by the CPU's reciprocal of 11 bits"),
        Rule("LOGISTIC SOFTMAX", "float16", "float32 arithmetic, a polynomial for exp; the result rounded to float16"),
        Rule("MAXIMUM MINIMUM", "float16", "the second of equal numbers"),
        Rule("LOGISTIC TANH ELU EXP LOG GELU SIN COS HARD_SWISH", "float32", "polynomials and quotients of them by fma"),
        Rule("SQRT RSQRT", "float32", "the CPU's approximation and one step of Newton's method"),
        Rule("RESIZE_BILINEAR", "int8 uint8", "weights in steps of 2^-11, rounded once, ties up"),
        Rule("RESIZE_BILINEAR", "float32", "along rows first, then down"),
        Rule(
            "ADD SUB MUL DIV MAXIMUM MINIMUM SQUARED_DIFFERENCE PRELU LEAKY_RELU",
            "float32",
            "IEEE arithmetic; denormals are zeros",
        ),
        Rule("NEG SQUARE FLOOR CEIL ROUND RELU RELU6 RELU_N1_TO_1", "float32", "IEEE arithmetic; denormals are zeros"),
        Rule("STRIDED_SLICE", "float32 int8 uint8", "bytes are moved; an end of 0 is the end of its axis"),
    ),
    otherwise=LITERT_OPTIMIZED,
)
