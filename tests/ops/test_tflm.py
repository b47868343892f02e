"""Every operator that TFLM registers and qref has, as a model of one operator, against TFLM itself."""

import itertools
from dataclasses import replace

import matmul_models
import numpy as np
import pytest
from elementwise_models import arrays_of, binary, quantizations
from one_operator import T, const, model_of
from oracle import assert_equals_tflm, needs_tflm, random_array, run_qref, tflm, with_declared_shapes
from unary_models import every_value, random_scale, unary_model

import qref
from qref.inputs import draw_inputs
from qref.runtimes import RUNTIMES
from qref.schema import TensorType, write

pytestmark = needs_tflm

I4, I8, U8, I16, I32, I64, U32, F16, F32, F64, BOOL = (
    getattr(TensorType, name)
    for name in ("INT4", "INT8", "UINT8", "INT16", "INT32", "INT64", "UINT32", "FLOAT16", "FLOAT32", "FLOAT64", "BOOL")
)
TYPES = {"int8": I8, "int16": I16, "int32": I32, "int64": I64, "float32": F32, "bool": BOOL, "uint8": U8, "uint32": U32}
TYPES |= {"float16": F16, "float64": F64}


def types_of(name: str) -> list[TensorType]:
    """The types that the runtime has an operator for, where they are those of one operand."""
    return [TYPES[types] for types in RUNTIMES["tflm"].operators[name]]


def compare(model, rounds=None) -> int:
    rounds = [draw_inputs(model, seed) for seed in range(2)] if rounds is None else rounds
    return assert_equals_tflm(with_declared_shapes(model, rounds), rounds)


@pytest.mark.parametrize(
    ("name", "x_type", "w_type", "per_axis"),
    [
        *itertools.product(("conv_2d", "depthwise_conv_2d"), (I8,), (I8, I4), (True, False)),
        *itertools.product(("conv_2d", "depthwise_conv_2d", "transpose_conv"), (I16,), (I8,), (True,)),
        *itertools.product(("transpose_conv",), (I8,), (I8,), (True, False)),
        *itertools.product(("fully_connected",), (I8, I16), (I8,), (True, False)),
        *itertools.product(("conv_2d", "depthwise_conv_2d", "transpose_conv", "fully_connected"), (F32,), (F32,), (False,)),
    ],
)
def test_matmuls(name, x_type, w_type, per_axis):
    for seed in range(6):
        compare(getattr(matmul_models, name)(seed, x_type, w_type, per_axis=per_axis))


@pytest.mark.parametrize("type", [I8, I16, F32])
def test_batch_matmul(type):
    for seed in range(12):
        compare(matmul_models.batch_matmul(seed, type))


def test_fully_connected_forms_its_multiplier_in_float64():
    rng = np.random.default_rng(0)
    for _ in range(3):
        sx, sw = np.float32(rng.uniform(1e-4, 1e-3)), np.float32(rng.uniform(1e-3, 1e-2))
        w, b = rng.integers(-127, 128, (64, 64)), rng.integers(-1000, 1000, 64)
        inputs = [T(I16, (40, 64), sx), const(w, np.int8, sw), const(b, np.int32, sx * sw)]
        options = ("FullyConnectedOptions", {"quantized_bias_type": I32})
        model = model_of("FULLY_CONNECTED", inputs, [T(I16, (40, 64), sx * sw * 500)], options, 11)
        assert compare(model, [{0: rng.integers(-20000, 20000, (40, 64)).astype(np.int16)}]) == 2 * 40 * 64


def test_transpose_conv_of_int16_accumulates_in_64_bits_whatever_the_option_says():
    for seed in range(4):
        extra = {"bias": "left away", "options": {"quantized_bias_type": I32}}
        compare(matmul_models.transpose_conv(seed, I16, **extra))
    model = matmul_models.transpose_conv(0, I16, bias_type=I32, options={"quantized_bias_type": I32})
    rounds = [draw_inputs(model, 0)]
    with pytest.raises(qref.UnsupportedOperator, match="INT32"):
        run_qref(with_declared_shapes(model, rounds), rounds, "numpy", "tflm")


QUANTIZED_BINARY = [
    *((name, I8) for name in ("ADD", "SUB", "MUL", "DIV", "SQUARED_DIFFERENCE")),
    *((name, I16) for name in ("ADD", "SUB", "MUL")),
]


@pytest.mark.parametrize(("name", "type"), QUANTIZED_BINARY)
def test_quantized_operators_of_two_operands(name, type):
    rng = np.random.default_rng(0)
    count = 0
    for number, (scales, zero_points) in enumerate(quantizations(rng, type, 8)):
        fields = {} if name == "SQUARED_DIFFERENCE" else {"fused_activation_function": number % 4}
        if name in ("ADD", "SUB") and type == I16:
            fields["pot_scale_int16"] = bool(number % 2)
        model = binary(name, type, (2, 3, 40), (3, 40), scales, zero_points, **fields)
        x1, x2 = arrays_of(rng, type, (2, 3, 40), (3, 40))
        if name == "DIV":
            x2[x2 == zero_points[1]] += 1 if zero_points[1] < 0 else -1
        model = with_output_shape(model, (2, 3, 40))
        try:
            tflm().run(write(model), [{0: x1, 1: x2}])
        except qref.BackendError:  # factors of 1 and above, at which the kernels abort
            with pytest.raises(qref.SpecViolation):
                run_qref(model, [{0: x1, 1: x2}], "numpy", "tflm")
            continue
        count += assert_equals_tflm(model, [{0: x1, 1: x2}])
    assert count >= 4 * 240


def with_output_shape(model, shape):
    """The model with that shape declared for its output."""
    graph = model.subgraphs[0]
    tensors = tuple(replace(t, shape=shape) if t.index in graph.outputs else t for t in graph.tensors)
    return replace(model, subgraphs=(replace(graph, tensors=tensors),))


PLAIN_BINARY = [
    *((name, type) for name in ("ADD", "SUB", "MUL", "DIV", "SQUARED_DIFFERENCE") for type in (I32, F32)),
    *((name, type) for name in ("MAXIMUM", "MINIMUM") for type in types_of(name)),
    *((name, F32) for name in ("FLOOR_DIV", "FLOOR_MOD")),
    *((name, BOOL) for name in ("LOGICAL_AND", "LOGICAL_OR")),
]


@pytest.mark.parametrize(("name", "type"), PLAIN_BINARY)
def test_plain_operators_of_two_operands(name, type):
    rng = np.random.default_rng(1)
    scales = (0.5, 0.5, 0.5) if type in (I8, I16) else None
    for activation in range(4 if name in ("ADD", "SUB", "MUL", "DIV") else 1):
        fields = {"fused_activation_function": activation} if name in ("ADD", "SUB", "MUL", "DIV") else {}
        x1, x2 = arrays_of(rng, type, (2, 3, 5), (3, 5))
        if name == "DIV" or name.startswith("FLOOR"):
            x2[x2 == 0] = 1
        model = with_output_shape(binary(name, type, (2, 3, 5), (3, 5), scales, **fields), (2, 3, 5))
        assert_equals_tflm(model, [{0: x1, 1: x2}])


COMPARISONS = ["EQUAL", "NOT_EQUAL", "GREATER", "GREATER_EQUAL", "LESS", "LESS_EQUAL"]


@pytest.mark.parametrize(("name", "type"), [(name, type) for name in COMPARISONS for type in types_of(name)])
def test_comparisons(name, type):
    rng = np.random.default_rng(2)
    quantized = type == I8
    for _ in range(4):
        scales = (*np.exp(rng.uniform(-5, -0.1, 2)), None) if quantized else None
        zero_points = (*map(int, rng.integers(-128, 128, 2)), 0) if quantized else (0, 0, 0)
        model = binary(name, type, (2, 3, 5), (3, 5), scales, zero_points, output=BOOL)
        x1, x2 = arrays_of(rng, type, (2, 3, 5), (3, 5))
        x2[0] = x1[0, 0]
        assert_equals_tflm(with_output_shape(model, (2, 3, 5)), [{0: x1, 1: x2}])


def test_add_n():
    rng = np.random.default_rng(3)
    for count in (2, 3, 5):
        assert_equals_tflm(model_of("ADD_N", [T(F32, (3, 4))] * count, [T(F32, (3, 4))]))
        scale, zero_point = np.exp(rng.uniform(-5, 0)), int(rng.integers(-128, 128))
        inputs = [T(I8, (50, 4), scale, zero_point)] * count
        assert_equals_tflm(model_of("ADD_N", inputs, [T(I8, (50, 4), scale * rng.uniform(1, 4), 7)]))


RESCALING = ("ABS", "RELU", "RELU6", "LEAKY_RELU", "LOGISTIC", "TANH", "HARD_SWISH", "ELU", "RSQRT", "PRELU")


@pytest.mark.parametrize(("name", "type"), [(n, t) for n in RESCALING for t in types_of(n) if t != F32])
def test_quantized_functions_at_every_input(name, type):
    rng = np.random.default_rng(4)
    x = every_value(type.dtype)
    for _ in range(8):
        input_scale = random_scale(rng, 1e-3, 0.3)
        zero_points = (0, 0) if type == I16 else tuple(int(z) for z in rng.integers(-128, 128, 2))
        y = (input_scale * rng.uniform(0.5, 2), zero_points[1])
        if name == "LOGISTIC":
            y = (2.0**-15, 0) if type == I16 else (2.0**-8, -128)
        if name == "TANH" and type == I16:
            y = (2.0**-15, 0)
        options = ("LeakyReluOptions", {"alpha": float(rng.uniform(-1, 1))}) if name == "LEAKY_RELU" else None
        values = x[x >= zero_points[0]] if name == "RSQRT" else x
        if name == "PRELU":
            alpha = const(rng.integers(-128, 128, x.shape), np.int8, 0.01, 0 if type == I16 else 5)
            model = model_of("PRELU", [T(type, (1, x.size), input_scale, zero_points[0]), alpha], [T(type, (1, x.size), *y)])
            values = x[None]
        else:
            model = unary_model(name, type, values.shape, (input_scale, zero_points[0]), y, options=options)
        assert_equals_tflm(model, [{0: values}])


FLOAT_FUNCTIONS = "ABS CEIL COS ELU EXP FLOOR HARD_SWISH LEAKY_RELU LOG LOGISTIC NEG RELU RELU6 ROUND RSQRT SIN SQRT SQUARE TANH"


@pytest.mark.parametrize("name", [*FLOAT_FUNCTIONS.split(), "SOFTMAX", "LOG_SOFTMAX", "L2_NORMALIZATION", "ZEROS_LIKE"])
def test_float_functions(name):
    x = np.random.default_rng(5).normal(size=(40, 50)).astype(np.float32) * 8
    x = np.abs(x) if name in ("LOG", "SQRT", "RSQRT") else x
    assert_equals_tflm(unary_model(name, F32, x.shape), [{0: x}])
    if name not in ("LOG", "SQRT", "RSQRT", "SOFTMAX", "LOG_SOFTMAX", "L2_NORMALIZATION"):
        edges = np.float32([0.0, -0.0, np.inf, -np.inf, 0.5, 1.5, -0.5, 1e-40])
        assert_equals_tflm(unary_model(name, F32, edges.shape), [{0: edges}])


@pytest.mark.parametrize(("type", "output"), [(I8, I8), (I8, I16), (I16, I16)])
def test_softmax(type, output):
    rng = np.random.default_rng(6)
    y = {I8: (1 / 256, -128), I16: (1 / 65536, -32768)}[output] if type == I8 else (1 / 32768, 0)
    for _ in range(6):
        x = (random_scale(rng, 1e-4, 1e-2) if type == I16 else random_scale(rng, 1e-2, 0.2), 0 if type == I16 else 3)
        options = ("SoftmaxOptions", {"beta": float(rng.uniform(0.3, 2))})
        compare(unary_model("SOFTMAX", type, (60, 20), x, y, options=options, output_type=output))


@pytest.mark.parametrize(("name", "y"), [("LOG_SOFTMAX", (16 / 256, 127)), ("L2_NORMALIZATION", (1 / 128, 0))])
def test_normalizations_of_int8(name, y):
    for seed, scale in enumerate((0.02, 0.1, 2.0**-4)):
        compare(unary_model(name, I8, (60, 20), (scale, seed * 9 - 5), y))


CONVERSIONS = [tuple(TYPES[t] for t in pair.split("->")) for pair in RUNTIMES["tflm"].operators["QUANTIZE"]]


@pytest.mark.parametrize(("x", "y"), CONVERSIONS)
def test_quantize(x, y):
    rng = np.random.default_rng(7)
    for _ in range(6):
        input_scale = random_scale(rng, 1e-3, 0.3)
        scale = input_scale * rng.uniform(0.5, 2) * (1e-3 if y == I32 else 1)
        zero_point = {I8: 3, U8: 130}
        source = T(x, (3000,)) if x == F32 else T(x, (3000,), input_scale, zero_point.get(x, 0))
        array = random_array(rng, (3000,), x.dtype)
        array = rng.integers(-5000, 5000, 3000).astype(np.int32) if x == I32 else array
        assert_equals_tflm(model_of("QUANTIZE", [source], [T(y, (3000,), scale, zero_point.get(y, 0))]), [{0: array}])


@pytest.mark.parametrize("type", [I8, U8, I16])
def test_dequantize_takes_the_first_scale_for_all(type):
    rng = np.random.default_rng(8)
    assert_equals_tflm(model_of("DEQUANTIZE", [T(type, (3000,), 0.0123, 0 if type == I16 else 7)], [T(F32, (3000,))]))
    if type != I16:
        inputs = [T(type, (4, 50), rng.uniform(0.01, 1, 4), np.arange(4))]
        assert_equals_tflm(model_of("DEQUANTIZE", inputs, [T(F32, (4, 50))]))


@pytest.mark.parametrize("pair", RUNTIMES["tflm"].operators["CAST"])
def test_cast(pair):
    x, y = (TYPES[t] for t in pair.split("->"))
    array = random_array(np.random.default_rng(9), (300,), x.dtype)
    array = np.abs(array) if y == U32 else array
    assert_equals_tflm(model_of("CAST", [T(x, (300,))], [T(y, (300,))]), [{0: array}])


POOLING = {"padding": 0, "stride_w": 2, "stride_h": 1, "filter_width": 3, "filter_height": 2}


@pytest.mark.parametrize(
    ("name", "type"), [(n, t) for n in ("AVERAGE_POOL_2D", "MAX_POOL_2D", "L2_POOL_2D") for t in types_of(n)]
)
def test_pooling(name, type):
    scale = None if type == F32 else 0.1
    for padding, activation in itertools.product((0, 1), range(4)):
        options = ("Pool2DOptions", {**POOLING, "padding": padding, "fused_activation_function": activation})
        shape = (2, 7, 4 if padding == 0 else 3, 3) if padding == 0 else (2, 6, 3, 3)
        compare(model_of(name, [T(type, (2, 7, 7, 3), scale)], [T(type, shape, scale)], options))


@pytest.mark.parametrize(
    ("name", "type"), [(n, t) for n in ("MEAN", "SUM", "REDUCE_MAX", "REDUCE_MIN", "REDUCE_ALL") for t in types_of(n)]
)
def test_reductions(name, type):
    for number, axes in enumerate(([1, 2], [3], [0, 1, 2, 3], [-1, 1])):
        quantized = type in (I8, I16)
        free = quantized and name in ("MEAN", "SUM")
        x, y = ((0.03, 5), (0.05, -4)) if free else ((0.03, 5), (0.03, 5))
        x, y = (x, y) if type == I8 else ((x[0], 0), (y[0], 0)) if type == I16 else ((None, 0), (None, 0))
        options = ("ReducerOptions", {"keep_dims": bool(number % 2)})
        shape = np.zeros((2, 5, 4, 6)).sum(axis=tuple(axes), keepdims=bool(number % 2)).shape
        assert_equals_tflm(model_of(name, [T(type, (2, 5, 4, 6), *x), const(axes)], [T(type, shape, *y)], options))


def test_sums_of_int8_and_int16_at_full_width():
    rng = np.random.default_rng(10)
    for type, zero_points in ((I8, (9, -4)), (I16, (0, 0))):
        for _ in range(3):
            scale = random_scale(rng, 1e-3, 0.1)
            inputs = [T(type, (4000, 5), scale, zero_points[0]), const([1])]
            options = ("ReducerOptions", {})
            for name, factor in (("SUM", 3), ("MEAN", 0.7)):
                assert_equals_tflm(model_of(name, inputs, [T(type, (4000,), scale * factor, zero_points[1])], options))


def test_extrema_of_infinities_stop_at_the_finite_numbers():
    x = np.float32([[-np.inf, -np.inf], [np.inf, np.inf]])
    for name in ("REDUCE_MAX", "REDUCE_MIN"):
        model = model_of(name, [T(F32, (2, 2)), const([1])], [T(F32, (2,))], ("ReducerOptions", {}))
        assert_equals_tflm(model, [{0: x}])


RESIZE = {"RESIZE_BILINEAR": "ResizeBilinearOptions", "RESIZE_NEAREST_NEIGHBOR": "ResizeNearestNeighborOptions"}


@pytest.mark.parametrize(("name", "type"), [(n, t) for n in RESIZE for t in types_of(n)])
def test_resizing(name, type):
    scale = None if type == F32 else 0.1
    for fields in ({}, {"align_corners": True}, {"half_pixel_centers": True}):
        for size in ((11, 9), (3, 4), (10, 14)):
            model = model_of(name, [T(type, (2, 5, 7, 3), scale), const(size)], [T(type, (), scale)], (RESIZE[name], fields))
            compare(model)


def moved(type: TensorType, shape=()) -> T:
    """An operand of a type, quantized where that is usual."""
    return T(type, shape, 0.1 if type in (I8, U8, I16) else None, 3 if type in (I8, U8) else 0)


MOVES = {
    "BATCH_TO_SPACE_ND": lambda t: ([moved(t, (4, 2, 3, 2)), const([2, 2]), const([[0, 1], [1, 0]])], None),
    "SPACE_TO_BATCH_ND": lambda t: ([moved(t, (1, 3, 5, 2)), const([2, 2]), const([[0, 1], [1, 0]])], None),
    "DEPTH_TO_SPACE": lambda t: ([moved(t, (1, 2, 3, 8))], ("DepthToSpaceOptions", {"block_size": 2})),
    "SPACE_TO_DEPTH": lambda t: ([moved(t, (1, 4, 6, 2))], ("SpaceToDepthOptions", {"block_size": 2})),
    "BROADCAST_TO": lambda t: ([moved(t, (3, 1)), const([2, 3, 4])], None),
    "RESHAPE": lambda t: ([moved(t, (3, 4)), const([2, 6])], ("ReshapeOptions", {"new_shape": [2, 6]})),
    "SQUEEZE": lambda t: ([moved(t, (1, 3, 1, 4))], ("SqueezeOptions", {"squeeze_dims": [0]})),
    "EXPAND_DIMS": lambda t: ([moved(t, (3, 4)), const([1])], None),
    "TRANSPOSE": lambda t: ([moved(t, (2, 3, 4)), const([2, 0, 1])], None),
    "CONCATENATION": lambda t: ([moved(t, (2, 3)), moved(t, (2, 4))], ("ConcatenationOptions", {"axis": 1})),
    "PACK": lambda t: ([moved(t, (2, 3)), moved(t, (2, 3))], ("PackOptions", {"values_count": 2, "axis": 1})),
    "PAD": lambda t: ([moved(t, (2, 3)), const([[1, 0], [0, 2]])], None),
    "PADV2": lambda t: ([moved(t, (2, 3)), const([[1, 0], [0, 2]]), moved(t, (1,))], None),
    "MIRROR_PAD": lambda t: ([moved(t, (4, 5)), const([[1, 2], [3, 0]])], ("MirrorPadOptions", {"mode": 1})),
    "REVERSE_V2": lambda t: ([moved(t, (2, 3, 4)), const([1])], None),
    "GATHER": lambda t: ([moved(t, (2, 5, 3)), const([4, 0, 1])], ("GatherOptions", {"axis": 1})),
    "GATHER_ND": lambda t: ([moved(t, (2, 5, 3)), const([[1, 4], [0, 2]])], None),
    "SLICE": lambda t: ([moved(t, (4, 5)), const([1, 2]), const([2, -1])], None),
    "STRIDED_SLICE": lambda t: (
        [moved(t, (4, 5)), const([3, 1]), const([0, 5]), const([-1, 2])],
        ("StridedSliceOptions", {}),
    ),
    "DYNAMIC_UPDATE_SLICE": lambda t: ([moved(t, (4, 5)), moved(t, (2, 2)), const([1, 3])], None),
    "ZEROS_LIKE": lambda t: ([moved(t, (3, 4))], ("ZerosLikeOptions", {})),
    "SHAPE": lambda t: ([moved(t, (3, 4))], ("ShapeOptions", {"out_type": I32})),
}
LACKING = {("ZEROS_LIKE", I8)}  # in LiteRT, which tells the shapes here; see tests/conformance/micro.py


@pytest.mark.parametrize(
    ("name", "type"), [(n, t) for n in MOVES for t in types_of(n) if (n, t) not in LACKING], ids=lambda v: getattr(v, "name", v)
)
def test_data_movement(name, type):
    inputs, options = MOVES[name](type)
    compare(model_of(name, inputs, [T(I32) if name == "SHAPE" else moved(type)], options))


@pytest.mark.parametrize("type", [I8, I16, I32, F32])
def test_splitting(type):
    two = [moved(type), moved(type)]
    compare(model_of("SPLIT", [const(1), moved(type, (2, 6))], two, ("SplitOptions", {"num_splits": 2})))
    inputs = [moved(type, (2, 6)), const([4, 2]), const([1])]
    compare(model_of("SPLIT_V", inputs, two, ("SplitVOptions", {"num_splits": 2})))
    compare(model_of("UNPACK", [moved(type, (2, 3))], two, ("UnpackOptions", {"num": 2, "axis": 0})))


def test_operators_with_an_operand_of_another_type():
    for t in (I8, I16, F32):
        compare(model_of("SELECT_V2", [T(BOOL, (3, 4)), moved(t, (3, 4)), moved(t, (3, 4))], [moved(t)]))
    for name, t in itertools.product(("ARG_MAX", "ARG_MIN"), (I8, F32)):
        options = (f"Arg{name[4:].title()}Options", {"output_type": I32})
        compare(model_of(name, [moved(t, (3, 4, 5)), const([1])], [T(I32)], options))
    for t in (I32, I64):
        compare(model_of("BROADCAST_ARGS", [const([3, 1], t.dtype), const([2, 1, 4], t.dtype)], [T(t)]))
    compare(model_of("FILL", [const([2, 3]), T(F32, ())], [T(F32)]))
    compare(model_of("CUMSUM", [T(F32, (3, 4)), const(1)], [T(F32)], ("CumsumOptions", {"exclusive": True})))
    compare(model_of("LOGICAL_NOT", [T(BOOL, (3, 4))], [T(BOOL)]))


def test_embedding_lookup_takes_the_first_scale_for_all_rows():
    rng = np.random.default_rng(11)
    table = rng.integers(-128, 128, (5, 4))
    rows = [{0: np.int32([3, 0, 4])}]
    compare(model_of("EMBEDDING_LOOKUP", [T(I32, (3,)), const(table, np.int8, rng.uniform(0.1, 1, 5), [0] * 5)], [T(F32)]), rows)
    compare(model_of("EMBEDDING_LOOKUP", [T(I32, (3,)), const(table, np.float32)], [T(F32)]), rows)


@pytest.mark.parametrize(
    ("model", "what"),
    [
        (unary_model("GELU", F32, (4,)), "tflm has no such operator"),
        (unary_model("EXP", I8, (4,), (0.1, 0), (0.1, 0)), "tflm has it for float32; found int8->int8"),
        (binary("ADD", U8, (4,), (4,), (0.1, 0.1, 0.2)), "tflm has it for int8, int16, int32, float32"),
        (matmul_models.conv_2d(0, F32, I8), "found float32xint8"),
        (matmul_models.fully_connected(0, I8, I4, per_axis=True), "TFLM takes one: quantize them per tensor"),
    ],
)
def test_operators_and_types_that_tflm_lacks_are_refused(model, what):
    inputs = [draw_inputs(model, 0)]
    with pytest.raises(qref.BackendError):
        tflm().run(write(model), inputs)
    with pytest.raises(qref.UnsupportedOperator, match=what.replace("(", r"\(")):
        run_qref(model, inputs, "numpy", "tflm")


def test_shapes_are_those_that_the_file_declares():
    model = unary_model("RELU", F32, (4,), output_shape=(2, 2))
    with pytest.raises(qref.SpecViolation, match="takes shapes and types from the file"):
        run_qref(model, [{0: np.zeros(4, np.float32)}], "numpy", "tflm")
