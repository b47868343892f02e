"""The version that an operator must state for the types of its operands.

Source   the versions table of LiteRT: an operator's number grew whenever it learned a type or an option
"""

from __future__ import annotations

from qref.quantizer.graph import Node
from qref.schema import TensorType

INT8, INT16, INT4, FLOAT32 = TensorType.INT8, TensorType.INT16, TensorType.INT4, TensorType.FLOAT32

_TWO = (
    "ADD SUB SPLIT_V STRIDED_SLICE L2_NORMALIZATION LOG_SOFTMAX MEAN SUM SOFTMAX LOGISTIC TANH CONCATENATION MAX_POOL_2D "
    "PAD PADV2 AVERAGE_POOL_2D MAXIMUM MINIMUM PACK UNPACK TRANSPOSE SLICE SPLIT RESIZE_BILINEAR RESIZE_NEAREST_NEIGHBOR "
    "MIRROR_PAD ABS RELU REDUCE_MAX REDUCE_MIN RELU6 RSQRT GATHER SPACE_TO_DEPTH DEPTH_TO_SPACE SPACE_TO_BATCH_ND "
    "BATCH_TO_SPACE_ND EQUAL NOT_EQUAL GREATER GREATER_EQUAL LESS LESS_EQUAL ARG_MAX ARG_MIN SELECT TOPK_V2 EXP LOG SQRT "
    "REDUCE_PROD SQUARED_DIFFERENCE GELU BATCH_MATMUL MUL DEQUANTIZE"
)
_WITH_INT8 = dict.fromkeys(_TWO.split(), 2) | {
    "CONV_2D": 3,
    "DEPTHWISE_CONV_2D": 3,
    "FULLY_CONNECTED": 4,
    "TRANSPOSE_CONV": 2,
    "SVDF": 3,
    "FILL": 3,
    "TILE": 3,
    "BROADCAST_TO": 3,
}
_THREE = (
    "ADD LOGISTIC TANH SOFTMAX MEAN MIRROR_PAD REDUCE_MAX REDUCE_MIN MAX_POOL_2D AVERAGE_POOL_2D PACK PAD PADV2 CONCATENATION"
    " BATCH_MATMUL ABS RSQRT DEQUANTIZE GATHER_ND"
)
_WITH_INT16 = dict.fromkeys(_THREE.split(), 3) | {
    "SUB": 5,
    "MUL": 4,
    "MAXIMUM": 4,
    "MINIMUM": 4,
    "UNPACK": 4,
    "TRANSPOSE": 5,
    "SLICE": 4,
    "SPLIT": 4,
    "GATHER": 4,
    "QUANTIZE": 2,
    "LEAKY_RELU": 2,
    "EXP": 2,
    "SQRT": 2,
}
_WITH_INT4 = {"CONV_2D": 7, "FULLY_CONNECTED": 10}
_HYBRID = {"CONV_2D": 5, "DEPTHWISE_CONV_2D": 6, "FULLY_CONNECTED": 12, "UNIDIRECTIONAL_SEQUENCE_LSTM": 3, "SVDF": 4}
_HYBRID |= {"RNN": 3, "UNIDIRECTIONAL_SEQUENCE_RNN": 3, "BATCH_MATMUL": 4}


def version_of(node: Node) -> int:
    """The version of a builtin operator with these operands; never lower than what it states already."""
    types = [value.type for value in node.inputs if value is not None]
    outputs = [value.type for value in node.outputs]
    needed = 1
    if INT16 in types or INT16 in outputs:
        needed = _WITH_INT16.get(node.name, 1)
        if node.name in ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV"):
            needed = _WITH_INT8[node.name]
    elif FLOAT32 in outputs and INT8 in types and node.name != "DEQUANTIZE":
        needed = _HYBRID.get(node.name, 1)
    elif INT8 in types:
        needed = _WITH_INT8.get(node.name, 1)
    if INT4 in types:
        needed = _WITH_INT4[node.name]
    if node.name == "TRANSPOSE_CONV" and len(node.inputs) == 4:
        needed = max(needed, 3)
    if node.name == "DEQUANTIZE" and TensorType.FLOAT16 in types:
        needed = 3
    if node.name == "MUL" and INT8 in types and _enlarges(node):
        needed = 3
    return max(needed, node.version)


def _enlarges(node: Node) -> bool:
    """Whether the product of the input scales is not below the output's."""
    a, b, y = (float(v.quantization.scale[0]) for v in (*node.inputs, *node.outputs) if v is not None and v.quantization)
    return a * b / y >= 1
