"""litert-optimized: the kernels behind OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES in ai-edge-litert 2.3.0.

Matrix products by ruy and Eigen, vector code with tails of scalar code; what has no rule here is computed as in
litert-reference. float32 sums longer than 680 depend on the size of the CPU's first cache.
"""

from __future__ import annotations

from .litert_reference import LITERT_REFERENCE
from .runtime import Rule, Runtime

LITERT_OPTIMIZED = Runtime(
    name="litert-optimized",
    version="ai-edge-litert 2.3.0",
    requantize_rules=LITERT_REFERENCE.requantize_rules,
    kernel_sets=("optimized", "reference"),
    rules=(
        Rule("FULLY_CONNECTED", "int16xint16", "as litert-reference: int64 accumulator; single_rounding_64"),
        Rule("FULLY_CONNECTED", "int8 uint8", "half_up (ruy)"),
        Rule("FULLY_CONNECTED", "int16", "int32 bias or none: half_up (ruy); int64 bias: float64_half_away"),
        Rule("FULLY_CONNECTED", "float32xint4", "4 rows or more of even length, 32 or more: symmetric rows, weights + 7"),
        Rule("CONV_2D", "int8 uint8", "half_up (ruy); with groups as litert-reference"),
        Rule("CONV_2D", "int16", "int32 bias: half_up (ruy), with groups as litert-reference; int64 bias: single_rounding_64"),
        Rule("CONV_2D", "float32xint8 float32xint4", "images to int8; acc * (s_w * s_x) + bias"),
        Rule("DEPTHWISE_CONV_2D", "int8", "half_up in whole blocks of 8 output channels, double_rounding in those left over"),
        Rule("DEPTHWISE_CONV_2D", "float32xint8", "(acc * s_w) * s_x in whole blocks of 4 channels, else (acc * s_x) * s_w"),
        Rule("DEPTHWISE_CONV_2D", "float32", "sums from the bias on"),
        Rule("TRANSPOSE_CONV", "int8", "half_up in whole blocks of 8 output channels, double_rounding in those left over"),
        Rule("TRANSPOSE_CONV", "uint8", "half_up in whole blocks of 16 elements, double_rounding in those left over"),
        Rule(
            "TRANSPOSE_CONV",
            "int16",
            "int32 bias: as int8, half_up and double_rounding; int64 bias: single_rounding_64",
        ),
        Rule("FULLY_CONNECTED CONV_2D TRANSPOSE_CONV", "float32", "Eigen's order of sums: panels, lanes, rows left over"),
        Rule("ADD", "int8 int16", "operands scaled with one rounding in whole blocks of 16, as litert-reference behind them"),
        Rule(
            "ADD", "uint8", "operands scaled with the second rounding down in whole blocks of 8, as litert-reference behind them"
        ),
        Rule("MUL", "int8 uint8", "as litert-reference, but results pass through 16 bits in whole blocks"),
        Rule("LEAKY_RELU", "int16", "as litert-reference, but a negative alpha keeps its sign in the multiplier"),
        Rule(
            "QUANTIZE", "float32", "x times float32(1 / s_y), half to even, in whole blocks of 8; behind them half away from zero"
        ),
        Rule("QUANTIZE", "int8 uint8", "half_up in whole blocks of 16, double_rounding behind them"),
        Rule("DEQUANTIZE", "int8 uint8 int16", "float32(q s) + float32(-z s) in whole blocks of 8, one rounding behind them"),
        Rule("SOFTMAX", "int8 uint8", "a float32 table of exp, sums and products in float32"),
        Rule("SOFTMAX LOG_SOFTMAX", "float32", "Eigen's exp and order of sums"),
        Rule("LOG_SOFTMAX", "int8 uint8", "a float32 table of exp, the rest in float32"),
        Rule(
            "LOGISTIC TANH",
            "int16",
            "scale 2^-12 (TANH also 2^-11): gemmlowp's fixed point; else interpolated as litert-reference",
        ),
        Rule("LOGISTIC TANH HARD_SWISH", "float32", "Eigen's functions, scalar code for the last elements"),
        Rule(
            "MEAN",
            "int8 uint8",
            "over H and W: half_up in whole blocks of 16 channels; other axes as litert-reference",
        ),
        Rule("SUM", "int8 uint8 int16", "float32 throughout, half away from zero"),
        Rule("MEAN SUM", "float32", "MEAN over the last axis in Eigen's order; else one by one from the first element"),
        Rule("REDUCE_MAX REDUCE_MIN", "*", "stored values are compared, from the first element on"),
        Rule("NumericVerify", "*", "as litert-reference, dequantized as its own DEQUANTIZE does"),
        Rule("CONV_3D", "float32", "sums by fused multiply-adds as ruy has them"),
        Rule("CONV_3D_TRANSPOSE", "float32", "Eigen's order of sums, then added where the products land"),
        Rule("L2_POOL_2D LOCAL_RESPONSE_NORMALIZATION", "float32", "Eigen's order of sums and its functions"),
        Rule("REDUCE_PROD", "*", "as litert-reference, but float32 begins with the first element"),
        Rule("PADV2", "*", "as litert-reference, but a border of -0 becomes 0"),
        Rule("RESIZE_BILINEAR", "float32 uint8", "four float32 products of weights; twice the size: averages of two"),
    ),
    otherwise=LITERT_REFERENCE,
)
