"""What is measured of each operator, against the definitions; causes; samples that do not fit."""

import json

import numpy as np
import pytest

import qref
from qref.arithmetic.affine import dequantize
from qref.debugger import debug
from qref.quantizer import Calibration, calibrate, quantize_model
from qref.schema import GraphBuilder, TensorType

FLOAT = qref.bundled("digits_cnn_float")
RNG = np.random.default_rng(8)
DIGITS = RNG.uniform(0, 1, (24, 1, 8, 8, 1)).astype(np.float32)


def dense(weights=None, count=2):
    """FULLY_CONNECTED, RELU, FULLY_CONNECTED on 16 numbers."""
    rng, graph = np.random.default_rng(2), GraphBuilder()
    x = graph.input("x", TensorType.FLOAT32, (1, 16))
    w = [rng.normal(size=(16, 16)).astype(np.float32) for _ in range(count)]
    w[0] = w[0] if weights is None else weights
    for i in range(count):
        y, r = (graph.tensor(f"{name}{i}", TensorType.FLOAT32, (1, 16)) for name in "yr")
        constant = graph.constant(f"w{i}", w[i]), graph.constant(f"b{i}", rng.normal(size=16).astype(np.float32))
        graph.operator("FULLY_CONNECTED", [x, *constant], [y], ("FullyConnectedOptions", {}))
        graph.operator("RELU", [y], [r])
        x = r
    return graph.model(outputs=[x])


def values(model, inputs, runtime="xnnpack"):
    """Every tensor after each sample, dequantized, by name."""
    interpreter = qref.Interpreter(model_content=model, runtime=runtime)
    interpreter.allocate_tensors()
    found = {}
    for x in inputs:
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], x)
        interpreter.invoke()
        for detail in interpreter.get_tensor_details():
            array, parameters = interpreter.get_tensor(detail["index"]), detail["quantization_parameters"]
            if len(parameters["scales"]) == 1 and array.dtype.kind == "i":
                array = dequantize(array, parameters["scales"], parameters["zero_points"])
            found.setdefault(detail["name"], []).append(array)
    return found


INPUTS = list(RNG.normal(size=(20, 1, 16)).astype(np.float32))


def test_the_errors_are_those_of_their_definitions():
    model = dense()
    quantized = qref.load(qref.quantize(model, "full_integer", INPUTS))
    report = debug(model, quantized, INPUTS)
    wanted, held = values(model, INPUTS), values(quantized, INPUTS)
    w, b = (wanted[name][0] for name in ("w1", "b1"))
    layer = next(layer for layer in report.layers if layer.tensor_name == "y1")
    own = np.stack(held["y1"]) - (np.stack(held["r0"]) @ w.T + b)
    total = np.stack(held["y1"]) - np.stack(wanted["y1"])
    for error, d, r in ((layer.own, own, np.stack(held["y1"]) - own), (layer.accumulated, total, np.stack(wanted["y1"]))):
        d, r = d.reshape(20, 16).astype(np.float64), r.reshape(20, 16).astype(np.float64)
        assert error.mean_error == pytest.approx(d.mean(), abs=1e-6)
        assert error.stddev == pytest.approx(d.std(axis=1).mean(), rel=1e-4)
        assert error.max_abs_error == pytest.approx(np.abs(d).max(axis=1).mean(), rel=1e-4)
        assert error.mean_squared_error == pytest.approx((d * d).mean(), rel=1e-4)
        assert error.snr == pytest.approx(10 * np.log10((r * r).sum() / (d * d).sum()), abs=0.01)
        found = r + d
        assert error.cosine == pytest.approx((found * r).sum() / np.sqrt((found**2).sum() * (r * r).sum()), abs=1e-6)
    assert layer.rmse_per_scale == pytest.approx(layer.own.rmse / layer.scale)
    assert layer.range == pytest.approx(255 * layer.scale)
    assert layer.num_elements == 16
    assert layer.channels.rmse == pytest.approx(np.sqrt((own**2).reshape(20, 16).mean(axis=0)), rel=1e-3)
    assert layer.channels.magnitude == pytest.approx(np.abs(np.stack(held["y1"]) - own).reshape(20, 16).max(axis=0), rel=1e-5)
    assert layer.histogram.float_.sum() == layer.histogram.quantized.sum() == 20 * 16


@pytest.mark.parametrize("runtime", ["litert-reference", "litert-optimized", "xnnpack", "tflm"])
def test_in_every_runtime(runtime):
    report = debug(dense(), qref.quantize(dense(), "full_integer", INPUTS), INPUTS, runtime=runtime)
    assert all(layer.own.snr > 30 for layer in report.layers)


def test_dynamic_range_tells_of_weights_instead_of_scales():
    model = dense(RNG.normal(size=(16, 16)).astype(np.float32))
    recipe = {"scheme": "float", "rules": [{"operators": "FULLY_CONNECTED", "scheme": "float16"}]}
    report = debug(model, quantize_model(model, recipe=recipe).content, INPUTS)
    first = report.layers[0]
    assert (first.scale, first.zero_point, first.rmse_per_scale) == (None, None, None)
    assert [w.type for w in first.weights][:1] == ["FLOAT16"]
    digits = debug(FLOAT, qref.bundled("digits_cnn_drq"), DIGITS)
    (layer,) = digits.quantized_layers
    assert layer.op_name == "CONV_2D"
    (weights,) = layer.weights
    assert weights.type == "INT8"
    assert weights.snr > weights.worst_channel[1]
    assert "" in digits_csv(digits)[0]


def digits_csv(report):
    import csv
    import io

    text = io.StringIO()
    report.write_csv(text)
    return list(csv.reader(io.StringIO(text.getvalue())))[1:]


def kinds(report, name):
    layer = next(layer for layer in report.layers if layer.tensor_name == name)
    return {cause.kind for cause in report.causes(layer)}


def calibrated(model, inputs) -> Calibration:
    return calibrate(model, inputs)


def test_a_range_that_is_too_small_is_clipping_and_one_too_wide_a_dead_range():
    model = dense()
    for factor, kind in ((0.3, "clipping"), (10, "dead range"), (1, None)):
        calibration = calibrated(model, [factor * x for x in INPUTS])
        report = debug(model, quantize_model(model, calibration=calibration).content, INPUTS)
        assert kinds(report, "y0") & {"clipping", "dead range"} == ({kind} if kind else set())


def test_an_outlier_channel_is_named():
    weights = np.random.default_rng(5).normal(size=(16, 16)).astype(np.float32)
    weights[11] *= 100
    report = debug(dense(weights), qref.quantize(dense(weights), "full_integer", INPUTS), INPUTS)
    (cause,) = [c for c in report.causes(report.layers[0]) if c.kind == "outlier channel"]
    assert cause.seen.startswith("channel 11 reaches")
    assert "outlier channel" not in kinds(debug(dense(), qref.quantize(dense(), "full_integer", INPUTS), INPUTS), "y0")


def test_errors_from_before_are_told_from_those_of_the_operator():
    recipe = {"scheme": "full_integer", "rules": [{"names": "y0", "weight_bits": 4}]}
    report = debug(dense(), quantize_model(dense(), recipe=recipe, representative_dataset=INPUTS).content, INPUTS)
    assert "weights" in kinds(report, "y0")
    assert report.worst(1)[0].tensor_name == "y0"
    assert "accumulated error" in kinds(report, "y1")
    (cause,) = [c for c in report.causes(report.layers[2]) if c.kind == "accumulated error"]
    assert "operator 1 (FULLY_CONNECTED)" in cause.remedy


def test_the_result_is_json_and_a_table():
    pandas = pytest.importorskip("pandas")
    report = debug(FLOAT, qref.bundled("digits_cnn_int8"), DIGITS)
    found = json.loads(json.dumps(report.to_dict()))
    assert found["samples"] == 24
    assert len(found["layers"]) == 9
    assert found["expected_rmse_per_scale"] == pytest.approx(0.289, abs=1e-3)
    table = report.to_pandas()
    assert isinstance(table, pandas.DataFrame)
    assert {"own_snr", "accumulated_snr", "rmse_per_scale", "used_range"} <= set(table.columns)


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        ([], "the dataset holds no sample"),
        ([np.zeros((1, 8, 8, 3), np.float32)], "sample 0: input .* takes float32 of shape"),
        ([DIGITS[0], np.full((1, 8, 8, 1), np.nan, np.float32)], "sample 1: .* holds NaN"),
        ([[DIGITS[0], DIGITS[0]]], "holds 2 arrays; the model takes 1"),
    ],
)
def test_a_dataset_that_does_not_fit_is_refused(bad, why):
    with pytest.raises(qref.InputError, match=why):
        debug(FLOAT, qref.bundled("digits_cnn_int8"), bad)


def test_a_model_that_becomes_infinite_is_named():
    weights = np.full((16, 16), 3e38, np.float32)
    with pytest.raises(qref.InputError, match="becomes NaN or infinite"), np.errstate(all="ignore"):
        debug(dense(weights), qref.quantize(dense(weights), "float16"), [np.full((1, 16), 10, np.float32)])


def test_models_in_the_wrong_order_are_told():
    with pytest.raises(qref.InputError, match=r"the float model is quantized: tensor 0 .*; give the float model first"):
        debug(qref.bundled("digits_cnn_int8"), FLOAT, DIGITS)


def test_an_operator_whose_shape_depends_on_data_is_named():
    """WHERE gives as many rows as there are positive numbers, which quantization changes."""
    graph = GraphBuilder()
    x = graph.input("x", TensorType.FLOAT32, (1, 16))
    w = graph.constant("w", np.eye(16, dtype=np.float32))
    a, r = (graph.tensor(name, TensorType.FLOAT32, (1, 16)) for name in "ar")
    positive, places = graph.tensor("p", TensorType.BOOL, (1, 16)), graph.tensor("i", TensorType.INT64, (1, 2))
    chosen = graph.tensor("y", TensorType.FLOAT32, (1,))
    graph.operator("FULLY_CONNECTED", [x, w, None], [a], ("FullyConnectedOptions", {}))
    graph.operator("RELU", [a], [r])
    zero = graph.constant("zero", np.float32(0.01))
    graph.operator("GREATER", [r, zero], [positive])
    graph.operator("WHERE", [positive], [places])
    graph.operator("GATHER_ND", [r, places], [chosen])
    model = graph.model(outputs=[chosen])
    inputs = [np.linspace(-1, 1, 16, dtype=np.float32)[None] * factor for factor in (1, 0.1)]
    recipe = {"scheme": "float", "rules": [{"operators": "FULLY_CONNECTED|RELU", "scheme": "full_integer"}]}
    report = debug(model, quantize_model(model, recipe=recipe, representative_dataset=[x * 8 for x in inputs]).content, inputs)
    assert [layer.op_name for layer in report.layers] == ["FULLY_CONNECTED", "RELU"]
    ((operator, reason),) = report.unaligned
    assert "GATHER_ND" in operator
    assert "shape" in reason


def test_wrong_options_are_refused():
    with pytest.raises(qref.InputError, match="there is only 'tflite'"):
        debug(FLOAT, qref.bundled("digits_cnn_int8"), DIGITS, like="keras")
    with pytest.raises(qref.InputError, match="nothing"):
        debug(FLOAT, qref.bundled("digits_cnn_int8"), DIGITS, runtime="nothing")
