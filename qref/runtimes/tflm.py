"""tflm and tflm-single-rounding: the reference kernels of TensorFlow Lite Micro, as the PyPI package tflite-micro builds them.

Scalar code, the same wherever the C library is the same; FULLY_CONNECTED is in fixed point here, an LSTM is put together from
matmuls and products. Shapes and types are those that the file declares: nothing is inferred.

tflm-single-rounding is the same code built with TFLITE_SINGLE_ROUNDING: each product with a 31-bit multiplier is rounded once. No
package of such a build exists, so its rules are read from the source.
"""

from __future__ import annotations

from dataclasses import replace

from qref.arithmetic.requantize import DoubleRounding, SingleRounding, SingleRounding64

from .litert_reference import LITERT_REFERENCE
from .runtime import RequantizeRule, Rule, Runtime

ANY = "int8 uint8 int16 int32 int64 uint32 float16 float32 float64 bool"
NUMBERS = "int8 int16 int32 float32"
QUANTIZED = "int8 int16 float32"
CASTS = "int8 int16 int32 uint32 float32 bool"

# What the resolver registers: the types of the first inputs, and of the output where it is not that of the first.
TYPES = {
    "BATCH_MATMUL": "int8xint8->int8 int16xint16->int16 float32xfloat32->float32",
    "CONV_2D DEPTHWISE_CONV_2D": "int8xint8 int8xint4 int16xint8 float32xfloat32",
    "FULLY_CONNECTED": "int8xint8 int8xint4 int16xint8 float32xfloat32",
    "TRANSPOSE_CONV": "int32xint8xint8 int32xint8xint16 int32xfloat32xfloat32",
    "SVDF": "int8xint8 float32xfloat32",
    "UNIDIRECTIONAL_SEQUENCE_LSTM": "int8xint8 int8x-xint8 int16xint8 float32xfloat32",
    "ADD SUB MUL": NUMBERS,
    "ADD_N CUMSUM": "int8 float32",
    "DIV": "int8 int32 float32",
    "FLOOR_DIV FLOOR_MOD": "float32",
    "SQUARED_DIFFERENCE": NUMBERS,
    "MAXIMUM MINIMUM": f"{NUMBERS} int64",
    "EQUAL NOT_EQUAL": "int8 int32 int64 float32 bool",
    "GREATER GREATER_EQUAL LESS LESS_EQUAL": "int8 int32 int64 float32",  # GREATER of int16 never sets its constants
    "LOGICAL_AND LOGICAL_OR LOGICAL_NOT": "bool",
    "ABS RELU RELU6 LEAKY_RELU LOGISTIC TANH RSQRT": QUANTIZED,
    "PRELU": QUANTIZED,
    "ELU HARD_SWISH": "int8 float32",
    "CEIL COS EXP FLOOR LOG NEG ROUND SIN SQRT SQUARE": "float32",
    "SOFTMAX": "int8->int8 int8->int16 int16->int16 float32->float32",
    "LOG_SOFTMAX L2_NORMALIZATION": "int8 float32",
    "AVERAGE_POOL_2D MAX_POOL_2D": QUANTIZED,
    "L2_POOL_2D": "float32",
    "MEAN SUM": QUANTIZED,
    "REDUCE_MAX REDUCE_MIN": "int8 float32",
    "REDUCE_ALL": "bool",
    "ARG_MAX ARG_MIN": "int8xint32->int32 float32xint32->int32",
    "QUANTIZE": "int8->int8 int8->uint8 int8->int16 uint8->int8 int16->int8 int16->int16 int16->int32 int32->int8 int32->int16 "
    "float32->int8 float32->int16",
    "DEQUANTIZE": "int8 uint8 int16",
    "CAST": " ".join(f"{x}->{y}" for x in CASTS.split() for y in CASTS.split()),
    "RESIZE_BILINEAR": "int8 float32",
    "RESIZE_NEAREST_NEIGHBOR TRANSPOSE": QUANTIZED,
    "BATCH_TO_SPACE_ND SPACE_TO_BATCH_ND DEPTH_TO_SPACE SPACE_TO_DEPTH GATHER GATHER_ND MIRROR_PAD": "int8 float32",
    "EMBEDDING_LOOKUP": "int32xint8 int32xfloat32",
    "BROADCAST_ARGS": "int32 int64",
    "BROADCAST_TO RESHAPE SHAPE SQUEEZE": ANY,
    "CONCATENATION": f"{NUMBERS} int64 bool",
    "DYNAMIC_UPDATE_SLICE UNPACK PAD PADV2": NUMBERS,
    "EXPAND_DIMS": QUANTIZED,
    "FILL": "int32xint8 int32xint32 int32xfloat32",
    "PACK": f"{NUMBERS} int64",
    "REVERSE_V2": f"{NUMBERS} uint8 int64 bool",
    "SELECT_V2": "boolxint8 boolxint16 boolxfloat32",
    "SLICE STRIDED_SLICE": f"{NUMBERS} bool",
    "SPLIT": " ".join(f"int32x{x}" for x in NUMBERS.split()),
    "SPLIT_V": NUMBERS,
    "ZEROS_LIKE": "int8 int32 int64 float32",
    "TFLite_Detection_PostProcess": "float32",
    "ASSIGN_VARIABLE CALL_ONCE IF READ_VARIABLE VAR_HANDLE WHILE": "",
}

TFLM = Runtime(
    name="tflm",
    version="tflite-micro 0.dev20261023182759",
    requantize_rules=(RequantizeRule("*", 32, DoubleRounding), RequantizeRule("*", 64, SingleRounding64)),
    kernel_sets=("tflm", "reference"),
    rules=(
        Rule("FULLY_CONNECTED", "int8", "int32 accumulator; double_rounding"),
        Rule("FULLY_CONNECTED", "int16", "int32 bias: double_rounding; int64 bias or none: single_rounding_64"),
        Rule("TRANSPOSE_CONV", "int16", "int64 accumulator; single_rounding_64"),
        Rule("ADD SUB", "int16", "operands scaled up to 2 max(s_1, s_2) / 2^15, whatever pot_scale_int16 says, double_rounding"),
        Rule("BATCH_MATMUL", "int8", "int32 accumulator by s_x s_w / s_y in float64; double_rounding"),
        Rule("BATCH_MATMUL", "int16", "int64 accumulator by s_x s_w / s_y in float64; single_rounding_64"),
        Rule("ADD_N", "int8", "as ADD, the sum of all operands in one; double_rounding"),
        Rule("CUMSUM", "int8", "as ADD_N, from the stored value 0 on; double_rounding"),
        Rule("MUL", "int8 int16", "(x1 - z1)(x2 - z2) by s_1 s_2 / s_y in float64, double_rounding"),
        Rule("DIV", "int8", "a reciprocal in fixed point times x1, by s_1 / (s_2 s_y) in float64; double_rounding"),
        Rule("SQUARED_DIFFERENCE", "int8", "operands scaled up by 2^7, the square of the difference by double_rounding"),
        Rule(
            "SQUARED_DIFFERENCE",
            "int16",
            "as int8, operands not scaled up; double_rounding",
        ),
        Rule("ABS RELU", "int8 int16", "s_x / s_y in float64, double_rounding"),
        Rule("PRELU", "int8 int16", "s_x / s_y and s_x s_alpha / s_y in float64, double_rounding"),
        Rule("LEAKY_RELU", "int8 int16", "s_x / s_y and s_x alpha / s_y in float64, double_rounding"),
        Rule("RELU6", "int8 int16", "x as it stands, clamped to 0 and 6 in its own scale; that of y is not read"),
        Rule("LOGISTIC TANH", "int8", "x to 4 integer bits by double_rounding, gemmlowp's functions on 32-bit fixed point"),
        Rule("RSQRT", "int8 int16", "an inverse square root in fixed point, then double_rounding"),
        Rule("SUM", "int8 int16", "sum - n z_x, double_rounding"),
        Rule("MEAN", "int8 int16", "sum - n z_x by a multiplier that holds 1 / n, double_rounding"),
        Rule("L2_NORMALIZATION", "int8", "an inverse square root in fixed point, double_rounding"),
        Rule("LOG_SOFTMAX", "int8", "32-bit fixed point, the differences scaled by double_rounding"),
        Rule(
            "SOFTMAX",
            "int16",
            "tables of exp and (in float32) 1 / (1 + x), interpolated; differences by double_rounding",
        ),
        Rule("REDUCE_MAX REDUCE_MIN", "float32", "from the least or greatest finite number on"),
        Rule("DEQUANTIZE EMBEDDING_LOOKUP", "*", "the first scale serves all channels"),
        Rule("SPACE_TO_BATCH_ND", "int8", "padded with 0, whatever the zero point"),
        Rule("ZEROS_LIKE", "int8", "the stored value 0, whatever the zero point"),
        Rule("TFLite_Detection_PostProcess", "*", "not defined behind the last detection: memory keeps what was there"),
        Rule("DEPTHWISE_CONV_2D", "int8", "int32 accumulator; double_rounding"),
        Rule(
            "UNIDIRECTIONAL_SEQUENCE_LSTM",
            "int8 int16",
            "gates as two FULLY_CONNECTED and a saturating sum; LOGISTIC and TANH of int16 by table; products as MUL",
        ),
        Rule("UNIDIRECTIONAL_SEQUENCE_LSTM SVDF", "float32", "sums in the order of memory, the C library's exp and tanh"),
    ),
    otherwise=LITERT_REFERENCE,
    operators={name: tuple(types.split()) for names, types in TYPES.items() for name in names.split()},
    declared_outputs=True,
)

TFLM_SINGLE_ROUNDING = replace(
    TFLM,
    name="tflm-single-rounding",
    version="tensorflow/tflite-micro, October 2026, with TFLITE_SINGLE_ROUNDING",
    requantize_rules=(RequantizeRule("*", 32, SingleRounding), RequantizeRule("*", 64, SingleRounding64)),
    rules=tuple(
        replace(rule, text=rule.text.replace("double_rounding", "single_rounding"), read_only=True)
        for rule in (*TFLM.rules, *(rule for rule in LITERT_REFERENCE.rules if "double_rounding" in rule.text))
    ),
)
