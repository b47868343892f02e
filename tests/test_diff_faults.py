"""A device with one deliberate fault: diff names the operator and the fault, and the fault explains every mismatch."""

import functools
import itertools
import math

import faulty_device as device
import numpy as np
import pytest

import qref
from qref.compare.diff import diff
from qref.schema import GraphBuilder, TensorType

I8 = TensorType.INT8
RELU = 1
X_ZERO, Y_ZERO, SIZE = -7, -11, 9


def run(model, *inputs):
    """Every tensor that the model writes, in litert-reference."""
    interpreter = qref.Interpreter(model_content=model, kernels="numpy")
    interpreter.allocate_tensors()
    graph = model.subgraphs[0]
    for index, array in zip(graph.inputs, inputs):
        interpreter.set_tensor(index, array)
    interpreter.invoke()
    return {i: interpreter.get_tensor(i) for i in (*graph.inputs, *(t for o in graph.operators for t in o.outputs))}


def explained(model, tensors, folder, expected, operator=0):
    """The diff with a dump of these tensors blames the operator alone, and explains all with what is expected."""
    np.savez(folder / "dump.npz", **{str(index): array for index, array in tensors.items()})
    result = diff(model, "litert-reference", str(folder / "dump.npz"))
    assert result.first is not None
    assert result.first.operator == operator
    assert [row.operator for row in result.operators if row.own] == [operator]
    assert result.explanations, [(t.name, t.remain) for t in result.trials[:5]]
    best = result.explanations[0]
    assert (best.name, best.vanish, best.appear, best.remain) == (expected, result.first.own, 0, 0)
    return result


@functools.cache
def conv_model(activation=0, per_axis=True, width=SIZE, output_scale=0.5, kernel=(3, 3)):
    """CONV_2D of 6 to 8 channels, then a MAX_POOL_2D that inherits what is wrong."""
    rng, graph = np.random.default_rng(3), GraphBuilder()
    scales = (rng.uniform(0.02, 0.08, 8) if per_axis else np.full(1, 0.0625)).astype(np.float32)
    x = graph.input("x", I8, (1, SIZE, width, 6), scale=0.25, zero_point=X_ZERO)
    greatest = 127 if per_axis else 3  # with one scale, a power of two, many accumulators are ties
    weights, bias = (
        rng.integers(-greatest, greatest + 1, (8, *kernel, 6)).astype(np.int8),
        rng.integers(-400 * greatest, 400 * greatest, 8).astype(np.int32),
    )
    w = graph.constant("w", weights, scale=scales, quantized_dimension=0)
    b = graph.constant("b", bias, scale=scales * np.float32(0.25), quantized_dimension=0)
    y = graph.tensor("y", I8, (1, SIZE, width, 8), scale=output_scale, zero_point=Y_ZERO)
    z = graph.tensor("z", I8, (1, SIZE // 2, width // 2, 8), scale=output_scale, zero_point=Y_ZERO)
    steps = {"stride_w": 1, "stride_h": 1, "dilation_w_factor": 1, "dilation_h_factor": 1, "padding": 0}
    graph.operator("CONV_2D", [x, w, b], [y], ("Conv2DOptions", {**steps, "fused_activation_function": activation}), version=3)
    pool = {"stride_w": 2, "stride_h": 2, "filter_width": 2, "filter_height": 2, "padding": 1}
    graph.operator("MAX_POOL_2D", [y], [z], ("Pool2DOptions", pool), version=2)
    factors = [float(np.float64(np.float32(0.25)) * np.float64(s) / np.float64(np.float32(output_scale))) for s in scales]
    factors = factors * 8 if len(factors) == 1 else factors
    return graph.model(outputs=[z]), weights, bias, factors, rng.integers(-128, 128, (1, SIZE, width, 6)).astype(np.int8)


def check_conv(folder, expected, fault, w=None, x=None, y=None, factors=None, **model_of):
    """A CONV_2D with a fault; w, x and y say how the device takes weights and input and gives the output."""
    model, weights, bias, right, array = conv_model(**model_of)
    if model_of.get("activation") == RELU:
        fault = {"low": Y_ZERO, **fault}
    seen = (x or (lambda a: a))(array), (w or (lambda a: a))(weights)
    result = device.conv(*seen, bias, factors or right, X_ZERO, Y_ZERO, **fault)
    result = np.ascontiguousarray((y or (lambda a: a))(result))
    pooled = result[:, : SIZE // 2 * 2, : SIZE // 2 * 2].reshape(1, SIZE // 2, 2, SIZE // 2, 2, 8).max(axis=(2, 4))
    tensors = dict(zip(run(model, array), (array, result, pooled)))
    return explained(model, tensors, folder, expected)


def test_the_device_without_a_fault_does_not_differ(tmp_path):
    model, weights, bias, factors, x = conv_model()
    right = run(model, x)
    np.testing.assert_array_equal(device.conv(x, weights, bias, factors, X_ZERO, Y_ZERO), right[3])
    np.savez(tmp_path / "dump.npz", **{str(i): a for i, a in right.items()})
    result = diff(model, "litert-reference", str(tmp_path / "dump.npz"))
    assert (result.differs, result.first, result.trials) == (False, None, ())


@pytest.mark.parametrize(
    ("rounding", "expected"),
    [
        (device.half_up, "half-up rounding (both roundings ties up)"),
        (device.single, "single rounding (31-bit multiplier, ties up)"),
        (device.float32_even, "float32 requantization, ties to even"),
        (device.floor, "no rounding: the fixed-point product rounded down"),
        (device.float32_trunc, "no rounding: the float32 product cut towards zero"),
    ],
)
def test_a_rounding_rule_is_told_from_the_others(tmp_path, rounding, expected):
    result = check_conv(tmp_path, expected, {"rounding": rounding}, output_scale=0.25, per_axis=False)
    assert {abs(difference) for difference, _ in result.first.histogram} == {1}


FACTORS = conv_model(output_scale=12.8)[3]


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ({"no_x_zero": True}, "the zero point of the input missing"),
        ({"no_y_zero": True}, "the zero point of the output missing"),
        ({"pad_value": 0}, "padding with 0 instead of the zero point"),
        ({"pad_value": -128}, "padding with -128 instead of the zero point"),
        ({"bias": lambda b, o: 0}, "the bias missing"),
        ({"bias": lambda b, o: 2 * b}, "the bias added twice"),
        ({"bias": lambda b, o: device.wrap(b, 8)}, "a bias of 8 bits that wraps"),
        ({"bias": lambda b, o: device.clamp(b)}, "a bias of 8 bits that saturates"),
        ({"bias": lambda b, o: device.wrap(b, 16)}, "a bias of 16 bits that wraps"),
        ({"bias": lambda b, o: device.clamp(b, -(2**15), 2**15 - 1)}, "a bias of 16 bits that saturates"),
        ({"bias": lambda b, o: round(b * FACTORS[0] / FACTORS[o])}, "a bias in units of the first channel's scale"),
        ({"bias_apart": True}, "the bias requantized on its own"),
        ({"bias_after": True}, "the bias added after the requantization"),
        ({"acc_limits": (-(2**15), 2**15 - 1)}, "an accumulator of 16 bits that saturates"),
        ({"acc_bits": 16}, "an accumulator of 16 bits that wraps"),
        ({"wraps": True}, "saturation missing: the output wraps"),
        ({"rounding": functools.partial(device.double, shift_error=1)}, "the shift off by one to the left"),
        ({"rounding": functools.partial(device.double, shift_error=-1)}, "the shift off by one to the right"),
    ],
)
def test_a_fault_in_the_arithmetic_of_conv_2d(tmp_path, fault, expected):
    check_conv(tmp_path, expected, fault, output_scale=12.8)


def test_a_multiplier_of_8_bits(tmp_path):
    check_conv(tmp_path, "a multiplier of 8 bits, ties up", {"rounding": device.with_8_bits}, output_scale=0.5)


def test_a_fault_on_top_of_another_runtimes_rounding(tmp_path):
    fault = {"rounding": device.half_up, "bias": lambda b, o: 0}
    expected = "the bias missing, the rest as in litert-optimized"
    check_conv(tmp_path, expected, fault, output_scale=0.25, per_axis=False)


def test_a_clamp_that_is_missing(tmp_path):
    check_conv(tmp_path, "the activation's clamp missing", {"no_clamp": True}, activation=RELU, output_scale=12.8)


def test_padding_on_the_other_side(tmp_path):
    expected = "the odd row and column of padding on the other side"
    check_conv(tmp_path, expected, {"pad_after": True}, kernel=(4, 4), output_scale=12.8)


@pytest.mark.parametrize(("one", "words"), [(FACTORS[0], "first"), (max(FACTORS), "greatest")])
def test_one_scale_for_all_channels(tmp_path, one, words):
    expected = f"per-tensor weights: the {words} channel's scale for all"
    check_conv(tmp_path, expected, {}, factors=[one] * 8, output_scale=12.8)


@pytest.mark.parametrize(
    ("role", "change", "expected"),
    [
        ("x", lambda a: a.transpose(0, 2, 1, 3), "the input with height and width swapped"),
        ("w", lambda a: a.transpose(0, 2, 1, 3), "the weights with height and width swapped"),
        ("w", lambda a: a[:, ::-1, ::-1], "the weights turned by 180 degrees: a convolution instead of a correlation"),
        ("w", lambda a: a.reshape(3, 3, 6, 8).transpose(3, 0, 1, 2), "the weights stored as HWIO instead of OHWI"),
        ("w", lambda a: a.reshape(8, 6, 3, 3).transpose(0, 2, 3, 1), "the weights stored as OIHW instead of OHWI"),
        ("x", lambda a: a.reshape(1, 6, SIZE, SIZE).transpose(0, 2, 3, 1), "the input stored as NCHW instead of NHWC"),
        ("w", lambda a: a.transpose(1, 2, 3, 0).reshape(a.shape), "the weights read as HWIO instead of OHWI"),
        ("w", lambda a: a.transpose(0, 3, 1, 2).reshape(a.shape), "the weights read as OIHW instead of OHWI"),
        ("x", lambda a: a.transpose(0, 3, 1, 2).reshape(a.shape), "the input read as NCHW instead of NHWC"),
        ("y", lambda a: a.transpose(0, 3, 1, 2).reshape(a.shape), "the output read as NCHW instead of NHWC"),
        ("y", lambda a: a.reshape(1, 8, SIZE, SIZE).transpose(0, 2, 3, 1), "the output stored as NCHW instead of NHWC"),
        ("y", lambda a: a.transpose(0, 2, 1, 3), "the output with height and width swapped"),
    ],
)
def test_axes_in_another_order(tmp_path, role, change, expected):
    check_conv(tmp_path, expected, {}, **{role: change}, output_scale=12.8)


def matmul(x, w, b, scale, x_zero, w_zero, y_zero):
    """FULLY_CONNECTED as LiteRT's reference has it, in plain Python numbers."""
    rows = [
        [(sum((int(p) - x_zero) * (int(q) - w_zero) for p, q in zip(row, column)) + int(c)) for column, c in zip(w, b)]
        for row in x
    ]
    return np.array([[device.clamp(device.float64_away(acc, scale) + y_zero, 0, 255) for acc in row] for row in rows], np.uint8)


def fully_connected(rng):
    graph = GraphBuilder()
    x = graph.input("x", TensorType.UINT8, (5, 8), scale=0.5, zero_point=120)
    weights, bias = rng.integers(0, 256, (8, 8)).astype(np.uint8), rng.integers(-3000, 3000, 8).astype(np.int32)
    w = graph.constant("w", weights, scale=0.25, zero_point=131)
    b = graph.constant("b", bias, scale=0.125)
    y = graph.tensor("y", TensorType.UINT8, (5, 8), scale=60.0, zero_point=99)
    graph.operator("FULLY_CONNECTED", [x, w, b], [y], ("FullyConnectedOptions", {}))
    array = rng.integers(0, 256, (5, 8)).astype(np.uint8)
    return graph.model(outputs=[y]), (x, y), array, weights, bias


@pytest.mark.parametrize(
    ("w_zero", "reorder", "expected"),
    [
        (0, lambda w: w, "the zero point of the weights missing"),
        (131, lambda w: w.T, "the weights stored as [I, O] instead of [O, I]"),
    ],
)
def test_a_fault_in_fully_connected(tmp_path, w_zero, reorder, expected):
    model, (x, y), array, weights, bias = fully_connected(np.random.default_rng(5))
    scale = 0.125 / 60.0
    np.testing.assert_array_equal(matmul(array, weights, bias, scale, 120, 131, 99), run(model, array)[y])
    faulty = matmul(array, reorder(weights), bias, scale, 120, w_zero, 99)
    explained(model, {x: array, y: faulty}, tmp_path, expected)


def binary(name, scales, zero_points):
    graph = GraphBuilder()
    inputs = [
        graph.input(f"x{i}", I8, (1, 12, 12), scale=s, zero_point=z) for i, (s, z) in enumerate(zip(scales[:2], zero_points))
    ]
    y = graph.tensor("y", I8, (1, 12, 12), scale=scales[2], zero_point=zero_points[2])
    table = {"ADD": "AddOptions", "MUL": "MulOptions"}[name]
    graph.operator(name, inputs, [y], (table, {"pot_scale_int16": False} if name == "ADD" else {}), version=2)
    rng = np.random.default_rng(6)
    return graph.model(outputs=[y]), [*inputs, y], [rng.integers(-128, 128, (1, 12, 12)).astype(np.int8) for _ in range(2)]


def quantized(real, scale, zero_point):
    return np.array([device.clamp(device.float64_away(v, 1 / scale) + zero_point) for v in real.ravel()], np.int8).reshape(
        real.shape
    )


def test_scales_of_two_operands_swapped_in_add(tmp_path):
    model, tensors, (x1, x2) = binary("ADD", (0.5, 0.125, 1.0), (3, -9, 4))
    swapped = binary("ADD", (0.125, 0.5, 1.0), (3, -9, 4))[0]
    faulty = quantized((x1 - 3.0) * 0.125 + (x2 + 9.0) * 0.5, 1.0, 4)
    assert run(swapped, x1, x2)[tensors[2]].tolist() == faulty.tolist()
    explained(model, dict(zip(tensors, (x1, x2, faulty))), tmp_path, "the scales of the two operands swapped")


@pytest.mark.parametrize(("name", "scales"), [("ADD", (0.5, 0.25, 0.75)), ("MUL", (0.5, 0.25, 9.0))])
@pytest.mark.parametrize("position", [0, 1])
def test_a_missing_zero_point_of_an_operand(tmp_path, name, scales, position):
    zero_points = (3, -9, 4)
    model, tensors, arrays = binary(name, scales, zero_points)
    seen = [0 if i == position else z for i, z in enumerate(zero_points)]
    first, second = ((a.astype(float) - z) * s for a, z, s in zip(arrays, seen, scales))
    faulty = quantized(first + second if name == "ADD" else first * second, scales[2], 4)
    result_of = dict(zip(tensors, (*arrays, faulty)))
    np.savez(tmp_path / "dump.npz", **{str(i): a for i, a in result_of.items()})
    best = diff(model, "litert-reference", str(tmp_path / "dump.npz")).trials[0]
    assert best.name == f"the zero point of input {position} missing"
    assert best.remain <= 2  # the device multiplies in floating point, the reference in fixed point


def test_a_softmax_that_ignores_beta(tmp_path):
    graph = GraphBuilder()
    x = graph.input("x", I8, (6, 10), scale=0.0625, zero_point=2)
    y = graph.tensor("y", I8, (6, 10), scale=1 / 256, zero_point=-128)
    graph.operator("SOFTMAX", [x], [y], ("SoftmaxOptions", {"beta": 0.5}), version=2)
    array = np.random.default_rng(7).integers(-128, 128, (6, 10)).astype(np.int8)
    e = [[math.exp(0.0625 * (int(v) - int(max(row)))) for v in row] for row in array]
    faulty = quantized(np.array([[v / sum(row) for v in row] for row in e]), 1 / 256, -128)
    explained(graph.model(outputs=[y]), {x: array, y: faulty}, tmp_path, "beta taken for 1")


def test_an_operator_in_real_numbers(tmp_path):
    graph = GraphBuilder()
    x = graph.input("x", TensorType.INT16, (400,), scale=2.0**-12)
    y = graph.tensor("y", TensorType.INT16, (400,), scale=2.0**-15)
    graph.operator("TANH", [x], [y], version=3)
    array = np.random.default_rng(7).integers(-(2**15), 2**15, 400).astype(np.int16)
    reals = [device.float64_away(math.tanh(int(q) / 2**12), 2**15) for q in array]
    faulty = np.array([device.clamp(v, -(2**15), 2**15 - 1) for v in reals], np.int16)
    explained(graph.model(outputs=[y]), {x: array, y: faulty}, tmp_path, "real numbers (float64), rounded once")


def test_options_of_resizing(tmp_path):
    def resized(half_pixel):
        graph = GraphBuilder()
        x = graph.input("x", I8, (1, 4, 4, 2), scale=1.0)
        size = graph.constant("size", np.int32([7, 7]))
        y = graph.tensor("y", I8, (1, 7, 7, 2), scale=1.0)
        fields = {"align_corners": False, "half_pixel_centers": half_pixel}
        graph.operator("RESIZE_NEAREST_NEIGHBOR", [x, size], [y], ("ResizeNearestNeighborOptions", fields), version=3)
        return graph.model(outputs=[y]), (x, y)

    model, (x, y) = resized(True)
    array = np.random.default_rng(8).integers(-128, 128, (1, 4, 4, 2)).astype(np.int8)
    faulty = np.zeros((1, 7, 7, 2), np.int8)
    for i, j in itertools.product(range(7), repeat=2):
        faulty[0, i, j] = array[0, i * 4 // 7, j * 4 // 7]
    explained(model, {x: array, y: faulty}, tmp_path, "half_pixel_centers taken for False")


@pytest.mark.parametrize("name", ["RELU", "QUANTIZE"])
def test_the_rounding_of_operators_without_accumulators(tmp_path, name):
    graph = GraphBuilder()
    x = graph.input("x", I8, (256,), scale=0.25, zero_point=-128 if name == "QUANTIZE" else 0)
    y = graph.tensor("y", I8, (256,), scale=1.0, zero_point=-40)
    graph.operator(name, [x], [y], version=2)
    array = np.arange(-128, 128).astype(np.int8)
    offset = 128 if name == "QUANTIZE" else 0
    model = graph.model(outputs=[y])
    values = [device.float32_even(int(q) + offset, 0.25) - 40 for q in array]
    faulty = np.array([device.clamp(v, -40 if name == "RELU" else -128) for v in values], np.int8)
    explained(model, {x: array, y: faulty}, tmp_path, "float32 requantization, ties to even")
