"""The 8-bit quantization specification as data: what each operator asks of its operands.

Source   https://ai.google.dev/edge/litert/models/quantization_spec, and what TFLiteConverter was seen to do (tests/quantizer)
"""

from __future__ import annotations

from dataclasses import dataclass

SOFTMAX_LIKE = ((1 / 256, -128), (1 / 32768, 0))
TANH_LIKE = ((1 / 128, 0), (1 / 32768, 0))


@dataclass(frozen=True, slots=True)
class Specification:
    """What an operator asks for when it computes with integers. Operands are named by their place among the inputs.

    activations   the inputs that hold activations; None: all that are float
    weights       the input that holds weights, symmetric around zero
    axis          the axis of the weights that has a scale for each slice; None: one scale
    bias          the input that holds the bias, in units of input scale * weights scale
    same_scale    input and output have one scale and zero point
    fixed         (scale, zero point) of the output in int8, and in int16 or None; None: free
    int16         whether it exists with int16 activations
    """

    activations: tuple[int, ...] | None = None
    weights: int | None = None
    axis: int | None = None
    bias: int | None = None
    same_scale: bool = False
    fixed: tuple[tuple[float, int], tuple[float, int] | None] | None = None
    int16: bool = True


FREE, SAME = Specification(), Specification(same_scale=True)
FREE_8, SAME_8 = Specification(int16=False), Specification(same_scale=True, int16=False)

SPECIFICATIONS: dict[str, Specification] = {
    "CONV_2D": Specification((0,), weights=1, axis=0, bias=2),
    "DEPTHWISE_CONV_2D": Specification((0,), weights=1, axis=3, bias=2),
    "FULLY_CONNECTED": Specification((0,), weights=1, axis=0, bias=2),
    "TRANSPOSE_CONV": Specification((2,), weights=1, axis=0, bias=3),
    "BATCH_MATMUL": FREE,
    "PRELU": Specification((0,), weights=1, int16=False),
    "UNIDIRECTIONAL_SEQUENCE_LSTM": FREE_8,
    "SVDF": FREE_8,
    "SOFTMAX": Specification(fixed=SOFTMAX_LIKE),
    "LOGISTIC": Specification(fixed=SOFTMAX_LIKE),
    "TANH": Specification(fixed=TANH_LIKE),
    "L2_NORMALIZATION": Specification(fixed=((1 / 128, 0), None), int16=False),
    "LOG_SOFTMAX": Specification(fixed=((16 / 256, 127), None), int16=False),
    **dict.fromkeys(("ADD", "SUB", "MUL", "MEAN", "LEAKY_RELU", "ABS", "RSQRT", "EXP", "SQRT"), FREE),
    **dict.fromkeys(("SQUARED_DIFFERENCE", "DIV", "LOG", "SUM", "REDUCE_PROD", "HARD_SWISH", "GELU"), FREE_8),
    **dict.fromkeys(("RELU", "RELU6", "RELU_N1_TO_1", "RELU_0_TO_1"), FREE_8),
    **dict.fromkeys(
        ("AVERAGE_POOL_2D", "MAX_POOL_2D", "CONCATENATION", "PAD", "PADV2", "MIRROR_PAD", "RESHAPE", "TRANSPOSE"), SAME
    ),
    **dict.fromkeys(("SQUEEZE", "EXPAND_DIMS", "SLICE", "STRIDED_SLICE", "SPLIT", "SPLIT_V", "PACK", "UNPACK", "GATHER"), SAME),
    **dict.fromkeys(("MAXIMUM", "MINIMUM", "REDUCE_MAX", "REDUCE_MIN"), SAME),
    **dict.fromkeys(("GATHER_ND", "TILE", "FILL", "SELECT", "SELECT_V2", "RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR"), SAME_8),
    **dict.fromkeys(("SPACE_TO_DEPTH", "DEPTH_TO_SPACE", "SPACE_TO_BATCH_ND", "BATCH_TO_SPACE_ND", "BROADCAST_TO"), SAME_8),
    **dict.fromkeys(("SCATTER_ND", "TOPK_V2", "REVERSE_V2", "MATRIX_DIAG"), SAME_8),
    **dict.fromkeys(("ARG_MAX", "ARG_MIN", "EQUAL", "GREATER", "GREATER_EQUAL", "LESS", "LESS_EQUAL"), FREE_8),
}
