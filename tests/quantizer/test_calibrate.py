"""Calibration: true ranges, the converter's flaws on request, merging, resuming, and samples that do not fit."""

import numpy as np
import pytest

import qref
from qref.quantizer import Calibration, CalibrationStopped, calibrate, method_of, quantize_model
from qref.quantizer.graph import read
from qref.schema import GraphBuilder, TensorType

METHODS = ["minmax", "moving_average:0.9", "percentile:99", "mse", "entropy"]
RNG = np.random.default_rng(5)


def residual():
    """y = x + 10 relu(x), then doubled: an ADD whose first input nothing else reads."""
    graph = GraphBuilder()
    x = graph.input("x", TensorType.FLOAT32, (1, 4))
    ten, two = graph.constant("ten", np.float32([10])), graph.constant("two", np.float32([2]))
    names = ("relu", "ten_relu", "sum", "y")
    relu, ten_relu, total, y = (graph.tensor(name, TensorType.FLOAT32, (1, 4)) for name in names)
    graph.operator("RELU", [x], [relu])
    graph.operator("MUL", [relu, ten], [ten_relu], ("MulOptions", {}))
    graph.operator("ADD", [ten_relu, x], [total], ("AddOptions", {}))
    graph.operator("MUL", [total, two], [y], ("MulOptions", {}))
    return graph.model(outputs=[y])


def ranges(calibration, model):
    (found,) = calibration.ranges(read(model))
    return {value.name: (x.min, x.max) for value, x in found.items()}


SAMPLES = [np.float32([[-1, 0, 0.5, 1]]), np.float32([[-2, 0, 0, 0.5]])]


def test_ranges_are_the_extremes_of_what_tensors_held():
    found = ranges(calibrate(residual(), SAMPLES), residual())
    assert found == {"x": (-2, 1), "relu": (0, 1), "ten_relu": (0, 10), "sum": (-2, 11), "y": (-4, 22)}


def test_like_tflite_widens_the_input_that_the_output_overwrites():
    calibration = calibrate(residual(), SAMPLES, like="tflite")
    quantized = quantize_model(residual(), calibration=calibration)
    (graph,) = quantized.decisions
    stored = {decision.name: decision.stored for decision in graph}
    true = {d.name: d.stored for d in quantize_model(residual(), representative_dataset=SAMPLES).decisions[0]}
    assert stored["ten_relu"] != true["ten_relu"]  # -2 to 11 where it held 0 to 10
    assert stored["ten_relu"] == f"INT8 scale {np.float32(13) / np.float32(255):.9g} zero_point -89"
    assert stored["x"] == true["x"]


@pytest.mark.parametrize("method", METHODS)
def test_two_halves_merge_to_the_whole(method):
    samples = [RNG.normal(size=(1, 4)).astype(np.float32) * 10 ** RNG.uniform(-2, 2) for _ in range(20)]
    whole = calibrate(residual(), samples, method=method_of(method))
    first, last = (calibrate(residual(), part, method=method_of(method)) for part in (samples[:7], samples[7:]))
    merged, wanted = ranges(first.merged(last), residual()), ranges(whole, residual())
    for name, limits in wanted.items():
        np.testing.assert_allclose(merged[name], limits, rtol=1e-12 if method.startswith("moving") else 0)


@pytest.mark.parametrize("method", METHODS)
def test_no_method_leaves_the_extremes(method):
    samples = [RNG.standard_t(2, size=(1, 4)).astype(np.float32) for _ in range(50)]
    true = ranges(calibrate(residual(), samples), residual())
    for name, (low, high) in ranges(calibrate(residual(), samples, method=method_of(method)), residual()).items():
        assert true[name][0] <= low <= high <= true[name][1]


def test_percentile_cuts_off_what_is_rare():
    samples = [np.full((1, 4), 1.0, np.float32)] * 200 + [np.full((1, 4), 1000, np.float32)]
    _low, high = ranges(calibrate(residual(), samples, method=method_of("percentile:99")), residual())["x"]
    assert 1 <= high < 2


def test_moving_average_follows_its_formula():
    average = calibrate(residual(), SAMPLES, method=method_of("moving_average:0.75"))
    assert ranges(average, residual())["x"] == (0.75 * -1 + 0.25 * -2, 0.75 * 1 + 0.25 * 0.5)


def test_a_calibration_is_kept_and_continued(tmp_path):
    calibrate(residual(), SAMPLES[:1]).save(tmp_path / "ranges.npz")
    kept = Calibration.load(tmp_path / "ranges.npz")
    assert kept.samples == 1
    continued = calibrate(residual(), SAMPLES, resume=kept)
    assert continued.samples == 2
    assert ranges(continued, residual()) == ranges(calibrate(residual(), SAMPLES), residual())


def test_a_calibration_fits_only_its_model():
    with pytest.raises(qref.InputError, match="another model"):
        quantize_model(qref.bundled("digits_cnn_float"), calibration=calibrate(residual(), SAMPLES))


def test_a_damaged_calibration_is_refused(tmp_path):
    (tmp_path / "ranges.npz").write_bytes(b"PK nothing")
    with pytest.raises(qref.InputError, match=r"ranges\.npz"):
        Calibration.load(tmp_path / "ranges.npz")
    np.savez(tmp_path / "other.npz", x=SAMPLES[0])
    with pytest.raises(qref.InputError, match="no calibration"):
        Calibration.load(tmp_path / "other.npz")


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (np.float32([[np.nan, 0, 0, 0]]), "NaN or infinity"),
        (np.zeros((1, 5), np.float32), "shape"),
        ({"wrong": SAMPLES[0]}, "name an array"),
        ([SAMPLES[0], SAMPLES[0]], "holds 2 arrays"),
    ],
)
def test_a_bad_sample_is_named_and_what_was_seen_is_kept(bad, why):
    with pytest.raises(CalibrationStopped, match=f"after 1 samples.*{why}") as stopped:
        calibrate(residual(), [SAMPLES[0], bad, SAMPLES[1]])
    assert stopped.value.calibration.samples == 1
    assert ranges(stopped.value.calibration, residual()) == ranges(calibrate(residual(), SAMPLES[:1]), residual())


def test_a_tensor_that_becomes_nan_is_named():
    graph = GraphBuilder()
    x = graph.input("x", TensorType.FLOAT32, (1, 4))
    y = graph.tensor("root", TensorType.FLOAT32, (1, 4))
    graph.operator("SQRT", [x], [y])
    with pytest.raises(CalibrationStopped, match=r"tensor 1 \(root\) becomes NaN"):
        calibrate(graph.model(outputs=[y]), SAMPLES)


def test_an_empty_dataset_is_refused():
    with pytest.raises(qref.InputError, match="no sample"):
        calibrate(residual(), [])


def test_methods_are_known_by_name():
    assert method_of("percentile:99.9").name == "percentile:99.9"
    for text in ("median", "percentile:many", "mse:3"):
        with pytest.raises(qref.InputError, match="is no calibration method"):
            method_of(text)


@pytest.mark.parametrize(
    "source",
    [
        lambda: iter(SAMPLES),
        SAMPLES,
        [[x] for x in SAMPLES],
        [{"x": x} for x in SAMPLES],
        [x[0] for x in SAMPLES],
        np.concatenate(SAMPLES),
        [np.concatenate(SAMPLES)],
        {"x": np.concatenate(SAMPLES)},
    ],
    ids=["function", "list", "lists", "mappings", "without a batch", "array", "batches", "mapping of arrays"],
)
def test_forms_of_a_dataset(source):
    assert ranges(calibrate(residual(), source), residual()) == ranges(calibrate(residual(), SAMPLES), residual())


def test_files_as_a_dataset(tmp_path):
    wanted = ranges(calibrate(residual(), SAMPLES), residual())
    np.save(tmp_path / "all.npy", np.concatenate(SAMPLES))
    np.savez(tmp_path / "all.npz", x=np.concatenate(SAMPLES))
    (tmp_path / "folder").mkdir()
    for number, sample in enumerate(SAMPLES):
        np.save(tmp_path / "folder" / f"{number}.npy", sample)
    for name in ("all.npy", "all.npz", "folder"):
        assert ranges(calibrate(residual(), tmp_path / name), residual()) == wanted
    for name in ("missing.npz", "all.txt"):
        with pytest.raises(qref.InputError, match=name):
            calibrate(residual(), tmp_path / name)
