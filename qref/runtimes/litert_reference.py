"""litert-reference: the kernels behind OpResolverType.BUILTIN_REF in ai-edge-litert 2.3.0.

Scalar code, the same on every CPU with the same C library. Integers are rounded as in gemmlowp (double_rounding) but for
FULLY_CONNECTED, which multiplies in float64. float32 is computed in the order of memory, each step rounded, without fused
multiply-adds.
"""

from __future__ import annotations

from qref.arithmetic.requantize import DoubleRounding, Float64HalfAway, SingleRounding64

from .runtime import RequantizeRule, Rule, Runtime

MATMUL = "FULLY_CONNECTED CONV_2D DEPTHWISE_CONV_2D TRANSPOSE_CONV BATCH_MATMUL CONV_3D CONV_3D_TRANSPOSE"
COMPARISONS = "EQUAL NOT_EQUAL GREATER GREATER_EQUAL LESS LESS_EQUAL"
RNN = "RNN UNIDIRECTIONAL_SEQUENCE_RNN BIDIRECTIONAL_SEQUENCE_RNN"
LSTM = "LSTM UNIDIRECTIONAL_SEQUENCE_LSTM BIDIRECTIONAL_SEQUENCE_LSTM"
MOVEMENT = (
    "BATCH_TO_SPACE_ND BROADCAST_TO CONCATENATION DENSIFY DEPTH_TO_SPACE DILATE DYNAMIC_UPDATE_SLICE EXPAND_DIMS FILL GATHER "
    "GATHER_ND HASHTABLE_LOOKUP MATRIX_DIAG MATRIX_SET_DIAG MIRROR_PAD ONE_HOT PACK PAD PADV2 RESHAPE RESIZE_NEAREST_NEIGHBOR "
    "REVERSE_SEQUENCE REVERSE_V2 SELECT SELECT_V2 SLICE SPACE_TO_BATCH_ND SPACE_TO_DEPTH SPARSE_TO_DENSE SPLIT SPLIT_V SQUEEZE "
    "STABLEHLO_PAD STRIDED_SLICE TILE TRANSPOSE UNPACK WHERE ZEROS_LIKE"
)
PLAIN = (
    "ADD_N ARG_MAX ARG_MIN BITCAST BITWISE_XOR BROADCAST_ARGS BUCKETIZE CAST CEIL COMPLEX_ABS CUMSUM FLOOR FLOOR_DIV FLOOR_MOD "
    "IMAG LOGICAL_AND LOGICAL_NOT LOGICAL_OR MAXIMUM MINIMUM NEG RANGE RANK REAL REDUCE_ALL REDUCE_ANY RIGHT_SHIFT ROUND SHAPE "
    "SIGN SQUARE STABLEHLO_ADD STABLEHLO_AND STABLEHLO_MAXIMUM STABLEHLO_MINIMUM STABLEHLO_MULTIPLY "
    "STABLEHLO_SHIFT_LEFT TOPK_V2 UNIQUE"
)
SEGMENTS = "SCATTER_ND SEGMENT_SUM UNSORTED_SEGMENT_MAX UNSORTED_SEGMENT_MIN UNSORTED_SEGMENT_PROD UNSORTED_SEGMENT_SUM"

LITERT_REFERENCE = Runtime(
    name="litert-reference",
    version="ai-edge-litert 2.3.0",
    requantize_rules=(
        RequantizeRule("FULLY_CONNECTED", 32, Float64HalfAway),
        RequantizeRule("FULLY_CONNECTED", 64, Float64HalfAway),
        RequantizeRule("*", 32, DoubleRounding),
        RequantizeRule("*", 64, SingleRounding64),
    ),
    kernel_sets=("reference",),
    rules=(
        Rule("FULLY_CONNECTED", "int16xint16", "int64 accumulator; single_rounding_64"),
        Rule(
            "FULLY_CONNECTED",
            "int8 uint8 int16",
            "int32 accumulator, int64 with an int64 bias; float64_half_away; no fixed point",
        ),
        Rule("CONV_2D TRANSPOSE_CONV", "int16", "int32 bias: double_rounding; int64 bias: single_rounding_64"),
        Rule("DEPTHWISE_CONV_2D BATCH_MATMUL", "int16", "int64 accumulator; single_rounding_64"),
        Rule(MATMUL, "int8 uint8", "int32 accumulator, padding counts as the zero point; double_rounding"),
        Rule("FULLY_CONNECTED", "float32xint8 float32xint4 float32xint2", "rows of x to int8; bias + acc * float32(s_row * s_w)"),
        Rule(
            "CONV_2D",
            "float32xint8 float32xint4",
            "images to int8; per axis (acc * s_w) * s_x + bias, else acc * (s_w * s_x) + bias",
        ),
        Rule("DEPTHWISE_CONV_2D", "float32xint8", "images to int8; acc * (s_w * s_x) + bias"),
        Rule("TRANSPOSE_CONV", "float32xint8", "images to int8; each product scaled by s_w, then s_x, and added in float32"),
        Rule("BATCH_MATMUL", "float32xint8", "rows of x to int8; acc * (s_row * s_w)"),
        Rule(MATMUL, "float32", "sums from 0 in the order of memory, each step rounded; then the bias, then the clamp"),
        Rule(
            "ADD SUB", "int8 uint8 int16", "operands scaled up to 2 max(s_1, s_2) / 2^20 (2^15 for int16), each double_rounding"
        ),
        Rule("MUL", "int8 uint8 int16", "(x1 - z1)(x2 - z2) by float32(float32(s_1 s_2) / s_y), double_rounding"),
        Rule("DIV", "int8 uint8 int16", "a reciprocal in fixed point times x1; shifts that C leaves undefined as on x86"),
        Rule("SQUARED_DIFFERENCE", "int8", "operands scaled up by 2^7, the square of the difference by double_rounding"),
        Rule("POW", "int32 float32", "the C library's pow; a power with one integer exponent by repeated squaring"),
        Rule("ATAN2", "float32 float64 float16", "the C library's atan2"),
        Rule("ADD SUB MUL DIV SQUARED_DIFFERENCE", "*", "IEEE arithmetic or wrapping integers, then the clamp"),
        Rule(
            COMPARISONS,
            "int8 uint8 int16",
            "real values in steps of 1/256 are compared; int16 as it stands but for EQUAL, NOT_EQUAL",
        ),
        Rule(COMPARISONS, "*", "as the numbers stand"),
        Rule("RELU RELU6 RELU_N1_TO_1 RELU_0_TO_1", "int8 uint8 int16", "float32(s_x / s_y) by double_rounding, then the clamp"),
        Rule("LEAKY_RELU PRELU", "int8 uint8 int16", "a multiplier for x >= 0 and one with alpha below, each double_rounding"),
        Rule("HARD_SWISH", "int8 uint8", "16-bit fixed point: saturating shifts and rounding_doubling_high_mul in 16 bits"),
        Rule("ABS", "int8 int16", "|x - z_x|, by float32(s_x / s_y) double_rounding unless the scales are equal"),
        Rule("RSQRT", "int8", "an inverse square root in fixed point, then double_rounding"),
        Rule("SQRT", "int8 int16", "float32 square root, divided by s_y and truncated"),
        Rule("LOGISTIC TANH", "int16", "a table of 256 entries over |x| < 10.7, interpolated"),
        Rule("EXP LOG RSQRT GELU", "int16", "a table of 513 entries, interpolated"),
        Rule("LOGISTIC TANH ELU EXP LOG GELU", "int8 uint8", "a table of 256 entries, each rounded half away from zero"),
        Rule("GELU", "float32 float16", "Eigen's erfc and tanh by polynomials"),
        Rule("LOGISTIC TANH ELU EXP LOG RSQRT SIN COS", "*", "the C library's float functions"),
        Rule("RELU RELU6 RELU_N1_TO_1 RELU_0_TO_1 LEAKY_RELU PRELU HARD_SWISH ABS SQRT", "*", "IEEE arithmetic"),
        Rule("FAKE_QUANT", "float32", "nudged limits, to the grid and back in float32"),
        Rule("QUANTIZE", "float32", "float32(x / s_y), half away from zero, + zero point, clamp"),
        Rule("QUANTIZE", "*", "s_x / s_y in float64 by double_rounding; uint8 to int8 of one scale by turning a bit"),
        Rule("DEQUANTIZE", "*", "float32(s_x * (x - z_x)), one rounding; float16 exactly"),
        Rule("SOFTMAX", "int8 uint8", "gemmlowp's exp in 32-bit fixed point, a reciprocal by Newton's method"),
        Rule("SOFTMAX", "int16", "tables of exp and 1 / (1 + x), interpolated"),
        Rule(
            "SOFTMAX LOG_SOFTMAX L2_NORMALIZATION LOCAL_RESPONSE_NORMALIZATION", "float32 float16", "the C library, sums in order"
        ),
        Rule("LOG_SOFTMAX", "int8 uint8", "32-bit fixed point"),
        Rule("L2_NORMALIZATION", "int8 uint8", "an inverse square root in fixed point, double_rounding"),
        Rule("AVERAGE_POOL_2D", "int8 uint8 int16", "the sum of stored values, divided by their count, half away from zero"),
        Rule("MAX_POOL_2D REDUCE_MAX REDUCE_MIN", "*", "stored values are compared"),
        Rule("AVERAGE_POOL_2D L2_POOL_2D", "float32", "sums in the order of memory, divided by the count"),
        Rule("MEAN", "int8 uint8 int16", "sum - n z_x by a multiplier that holds 1 / n, double_rounding"),
        Rule("SUM", "int8 uint8", "double_rounding; int8 is read and written as uint8, an error of the kernel"),
        Rule("REDUCE_PROD", "int8 int16", "single_rounding_64 after each factor"),
        Rule("MEAN SUM REDUCE_PROD REDUCE_WINDOW", "*", "from the first element to the last in the type itself"),
        Rule("RESIZE_BILINEAR", "int8 int16", "positions and weights in steps of 2^-10, one rounding, half away from zero"),
        Rule("RESIZE_BILINEAR", "float32 uint8", "float32 weights; uint8 truncated after 1/2 is added"),
        Rule(LSTM, "int8", "16-bit gates, gemmlowp's sigmoid and tanh, double_rounding throughout"),
        Rule(LSTM, "uint8", "one matmul for all gates, half_up; 16-bit fixed point"),
        Rule(
            LSTM, "float32 float32xint8 float32xint4", "gates as Eigen multiplies and its sigmoid and tanh; hybrid: rows to int8"
        ),
        Rule(RNN, "float32 float32xint8", "four lanes, then the rest of the row; Eigen's tanh; hybrid: rows to int8"),
        Rule("SVDF", "int8", "16-bit state; both products by double_rounding"),
        Rule("SVDF", "float32 float32xint8", "four lanes; hybrid: rows to int8"),
        Rule("EMBEDDING_LOOKUP_SPARSE", "*", "weighted rows of the table, added in their order in float32"),
        Rule("NumericVerify", "*", "the dequantized numbers less those of the float model"),
        Rule("EMBEDDING_LOOKUP", "*", "rows of the table, q * s"),
        Rule(SEGMENTS, "*", "in the order of the rows, in the type itself"),
        Rule("NON_MAX_SUPPRESSION_V4 NON_MAX_SUPPRESSION_V5 TFLite_Detection_PostProcess", "*", "float32, the C library's exp"),
        Rule(
            f"{MOVEMENT} ASSIGN_VARIABLE READ_VARIABLE VAR_HANDLE IF WHILE CALL_ONCE STABLEHLO_COMPOSITE", "*", "bytes are moved"
        ),
        Rule(PLAIN, "*", "as the stored numbers stand: no scale is looked at"),
    ),
)
