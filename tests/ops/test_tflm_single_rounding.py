"""tflm-single-rounding, of which no build exists to compare with: its operators against their formulas in exact fractions."""

import math
from fractions import Fraction

import matmul_models
import numpy as np
import pytest
from elementwise_models import binary
from explanations import check_some_explanations
from one_operator import T, const, model_of
from oracle import assert_same_bits, run_qref, with_declared_shapes
from unary_models import every_value, unary_model

import qref
from qref.inputs import draw_inputs
from qref.schema import TensorType

I8, I16 = TensorType.INT8, TensorType.INT16


def quantize_multiplier(real: Fraction | float) -> tuple[int, int]:
    """A real factor as multiplier * 2^(shift - 31), in plain Python."""
    fraction, shift = math.frexp(real)
    multiplier = math.floor(Fraction(fraction) * 2**31 + Fraction(1, 2))
    if multiplier == 2**31:
        multiplier, shift = 2**30, shift + 1
    if shift < -31:
        return 0, 0
    return (2**31 - 1, 30) if shift > 30 else (multiplier, shift)


def rescale(x: int, real: float) -> int:
    """x * real rounded once, ties up."""
    multiplier, shift = quantize_multiplier(real)
    return math.floor(Fraction(int(x) * multiplier, 2 ** (31 - shift)) + Fraction(1, 2))


def clamp(y: int, low: int = -128, high: int = 127) -> int:
    return min(max(y, low), high)


def run(model, rounds, runtime="tflm-single-rounding") -> np.ndarray:
    """The output, in which the numba and the NumPy form agree."""
    model = with_declared_shapes(model, rounds)
    numba, numpy = (run_qref(model, rounds, kernels, runtime)[0][model.subgraphs[0].outputs[0]] for kernels in ("numba", "numpy"))
    assert_same_bits(numba, numpy)
    return numpy


def test_fully_connected_rounds_once():
    rng = np.random.default_rng(0)
    x, w, b = rng.integers(-128, 128, (40, 30)), rng.integers(-5, 6, (20, 30)), rng.integers(-300, 300, 20)
    sw = np.float32(2.0 ** rng.integers(-4, -1, 20))
    inputs = [T(I8, x.shape, 0.5, 3), const(w, np.int8, sw, [0] * 20), const(b, np.int32, np.float32(0.5) * sw, [0] * 20)]
    model = model_of("FULLY_CONNECTED", inputs, [T(I8, (40, 20), 2.0, -5)], ("FullyConnectedOptions", {}), 5)
    rounds = [{0: x.astype(np.int8)}]
    acc = (x - 3) @ w.T + b
    want = [[clamp(rescale(a, 0.5 * float(s) / 2.0) - 5) for a, s in zip(row, sw)] for row in acc]
    got = run(model, rounds)
    assert_same_bits(got, np.array(want, np.int8))
    assert (got != run(model, rounds, "tflm")).any()


@pytest.mark.parametrize(("name", "sign"), [("ADD", 1), ("SUB", -1)])
@pytest.mark.parametrize(("type", "left"), [(I8, 20), (I16, 15)])
def test_sums_round_each_operand_and_the_result_once(name, sign, type, left):
    rng = np.random.default_rng(1)
    limits = np.iinfo(type.dtype)
    differences = 0
    for s1, s2, sy in ((0.5, 0.25, 0.125), (0.02, 0.03, 0.04), (0.25, 0.0625, 0.5)):
        s1, s2, sy = (float(np.float32(s)) for s in (s1, s2, sy))
        zero_points = (3, -7, 11) if type == I8 else (0, 0, 0)
        x1, x2 = (rng.integers(limits.min, limits.max, 400, endpoint=True).astype(type.dtype) for _ in range(2))
        model = binary(name, type, (400,), (400,), (s1, s2, sy), zero_points, pot_scale_int16=False)
        twice = 2 * max(s1, s2)
        want = []
        for a, b in zip(x1.tolist(), x2.tolist()):
            a, b = ((q - z) << left for q, z in zip((a, b), zero_points))
            total = rescale(a, s1 / twice) + sign * rescale(b, s2 / twice)
            want.append(clamp(rescale(total, twice / (2.0**left * sy)) + zero_points[2], limits.min, limits.max))
        rounds = [{0: x1, 1: x2}]
        got = run(model, rounds)
        assert_same_bits(got, np.array(want, type.dtype))
        differences += np.count_nonzero(got != run(model, rounds, "tflm"))
    assert differences


@pytest.mark.parametrize("type", [I8, I16])
def test_mul_rounds_once(type):
    limits = np.iinfo(type.dtype)
    x1, x2 = (np.random.default_rng(seed).integers(-100, 100, 500).astype(type.dtype) for seed in (1, 2))
    model, real = binary("MUL", type, (500,), (500,), (0.25, 0.5, 2.0)), 0.0625
    want = [clamp(rescale(a * b, real), limits.min, limits.max) for a, b in zip(x1.tolist(), x2.tolist())]
    got = run(model, [{0: x1, 1: x2}])
    assert_same_bits(got, np.array(want, type.dtype))
    assert (got != run(model, [{0: x1, 1: x2}], "tflm")).any()


def test_comparisons_round_once():
    x = every_value(np.int8)
    s1, s2 = 2.0**-10, 2.0**-11
    pairs = np.random.default_rng(3).permutation(x)
    want = [rescale((a - 5) << 8, s1) > rescale(b << 8, s2) for a, b in zip(x.tolist(), pairs.tolist())]
    model = binary("GREATER", I8, (256,), (256,), (s1, s2, None), (5, 0, 0), output=TensorType.BOOL)
    assert_same_bits(run(model, [{0: x, 1: pairs}]), np.array(want))


@pytest.mark.parametrize(("name", "alpha"), [("LEAKY_RELU", 0.25), ("RELU", 0.0), ("ABS", None)])
def test_functions_round_once(name, alpha):
    x = every_value(np.int8)
    options = ("LeakyReluOptions", {"alpha": alpha}) if name == "LEAKY_RELU" else None
    model = unary_model(name, I8, x.shape, (0.25, 3), (0.5, -9), options=options)
    want = []
    for q in x.tolist():
        v = abs(q - 3) if name == "ABS" else q - 3
        scaled = rescale(v, 0.5) if v >= 0 or name == "RELU" else rescale(v, 0.5 * alpha)
        want.append(clamp(scaled - 9, -9 if name == "RELU" else -128))
    got = run(model, [{0: x}])
    assert_same_bits(got, np.array(want, np.int8))
    assert name != "LEAKY_RELU" or (got != run(model, [{0: x}], "tflm")).any()


def test_mean_and_sum_round_once():
    rng = np.random.default_rng(4)
    x = rng.integers(-128, 128, (500, 4)).astype(np.int8)
    for name in ("MEAN", "SUM"):
        scale, real = (1.0 if name == "MEAN" else 4.0), 0.125  # powers of two: the multiplier holds them exactly
        model = model_of(name, [T(I8, x.shape, 0.5, 3), const([1])], [T(I8, (500,), scale, -2)], ("ReducerOptions", {}))
        want = [clamp(rescale(int(total) - 12, real) - 2) for total in x.sum(axis=1, dtype=int)]
        got = run(model, [{0: x}])
        assert_same_bits(got, np.array(want, np.int8))
        assert (got != run(model, [{0: x}], "tflm")).any()


def test_quantize_rounds_once():
    x = every_value(np.int16)
    model = model_of("QUANTIZE", [T(I16, x.shape, 0.25)], [T(I16, x.shape, 1.0)])
    got = run(model, [{0: x}])
    assert_same_bits(got, np.array([rescale(q, 0.25) for q in x.tolist()], np.int16))


@pytest.mark.parametrize("name", ["conv_2d", "depthwise_conv_2d", "transpose_conv", "fully_connected"])
def test_matmuls_differ_from_double_rounding_by_one_at_most(name):
    for seed in range(6):
        model = getattr(matmul_models, name)(seed, I8)
        rounds = [draw_inputs(model, seed)]
        once, twice = (run(model, rounds, runtime).astype(int) for runtime in ("tflm-single-rounding", "tflm"))
        assert np.abs(once - twice).max(initial=0) <= 1


def test_int64_accumulators_are_not_touched():
    for seed in range(4):
        model = matmul_models.conv_2d(seed, I16)
        rounds = [draw_inputs(model, seed)]
        assert_same_bits(run(model, rounds), run(model, rounds, "tflm"))


@pytest.mark.parametrize(("name", "y"), [("SOFTMAX", (1 / 256, -128)), ("LOG_SOFTMAX", (16 / 256, 127))])
def test_softmax_gives_the_same_also_where_its_multiplier_is_capped(name, y):
    x = np.random.default_rng(5).integers(-128, 128, (30, 7)).astype(np.int8)
    x[0], x[1] = 3, [3, 2, 3, 2, 1, 2, 3]
    for scale in (0.1, 7.9, 15.9, 16.0, 20.0, 31.9, 32.0, 100.0):
        options = ("SoftmaxOptions", {"beta": 1.0}) if name == "SOFTMAX" else None
        model = unary_model(name, I8, x.shape, (scale, 3), y, options=options)
        assert_same_bits(run(model, [{0: x}]), run(model, [{0: x}], "tflm"))
        check_some_explanations(with_declared_shapes(model, [{0: x}]), "tflm-single-rounding", x, count=8)


def test_what_is_not_written_is_refused():
    model = binary("DIV", I8, (4,), (4,), (0.1, 0.1, 0.1))
    with pytest.raises(qref.UnsupportedOperator, match="single rounding"):
        run(model, [{0: np.int8([1, 2, 3, 4]), 1: np.int8([1, 2, 3, 4])}])
