"""Evaluate: what users have as models and data, and one error for each thing that does not fit."""

import json

import numpy as np
import pytest
from hard_models import integrator

import qref
from qref.errors import InputError, ModelError
from qref.evaluation.outputs import outputs
from qref.schema import GraphBuilder, TensorType, write

FLOAT, INT8 = qref.bundled("digits_cnn_float"), qref.bundled("digits_cnn_int8")
IMAGES = np.random.default_rng(0).uniform(0, 1, (40, 8, 8, 1)).astype(np.float32)


def invoked(path, images):
    """The outputs as tf.lite.Interpreter's methods give them, in real values."""
    interpreter = qref.Interpreter(path)
    interpreter.allocate_tensors()
    (x,), (y,) = interpreter.get_input_details(), interpreter.get_output_details()
    found = []
    for image in images:
        if x["quantization"][0]:
            scale, zero_point = x["quantization"]
            image = np.clip(np.round(image / np.float32(scale)) + zero_point, -128, 127).astype(np.int8)
        interpreter.set_tensor(x["index"], image[None])
        interpreter.invoke()
        q = interpreter.get_tensor(y["index"])[0]
        scale, zero_point = y["quantization"]
        found.append((q.astype(float) - zero_point) * scale if scale else q.astype(float))
    return np.stack(found)


def test_rows_hold_what_the_models_compute():
    want, int8 = invoked(FLOAT, IMAGES), invoked(INT8, IMAGES)
    labels = want.argmax(axis=1)
    labels[:10] = (labels[:10] + 1) % 10
    found = qref.evaluate([FLOAT, INT8], IMAGES, labels)
    assert (found.task, found.samples, found.runtime) == ("classification", 40, "litert-reference")
    first, second = found.rows
    assert (first.model, first.bytes) == ("digits_cnn_float", FLOAT.stat().st_size)
    assert first.metrics["accuracy"] == 0.75
    assert "agreement" not in first.metrics
    assert second.metrics["accuracy"] == (int8.argmax(axis=1) == labels).mean()
    assert second.metrics["agreement"] == (int8.argmax(axis=1) == want.argmax(axis=1)).mean()
    assert second.metrics["snr"] == pytest.approx(10 * np.log10((want**2).sum() / ((int8 - want) ** 2).sum()), abs=1e-4)
    assert sum(map(sum, first.confusion)) == 40
    assert json.loads(json.dumps(found.to_dict()))["rows"][1]["metrics"] == second.metrics
    assert found.to_pandas()["accuracy"].tolist() == [row.metrics["accuracy"] for row in found.rows]


def test_what_is_infinite_is_none_in_json():
    found = qref.evaluate({"a": FLOAT, "b": FLOAT}, IMAGES)
    assert found.rows[1].metrics == {"agreement": 1.0, "snr": float("inf")}
    assert found.to_dict()["rows"][1]["metrics"]["snr"] is None


def test_a_generator_serves_all_models_and_files_and_arrays_give_the_same(tmp_path):
    np.save(tmp_path / "x.npy", IMAGES)
    np.save(tmp_path / "y.npy", np.arange(40) % 10)
    results = [
        qref.evaluate([FLOAT, INT8], data, labels)
        for data, labels in ((IMAGES, np.arange(40) % 10), ((i for i in IMAGES), list(np.arange(40) % 10)))
    ]
    results.append(qref.evaluate([str(FLOAT), str(INT8)], tmp_path / "x.npy", str(tmp_path / "y.npy")))
    assert results[0] == results[1] == results[2]


def test_models_of_one_name_are_told_apart(tmp_path):
    copy = tmp_path / FLOAT.name
    copy.write_bytes(FLOAT.read_bytes())
    assert [row.model for row in qref.evaluate([FLOAT, copy], IMAGES).rows] == [str(FLOAT), str(copy)]
    assert [row.model for row in qref.evaluate([FLOAT, FLOAT], IMAGES).rows] == [f"{FLOAT} (0)", f"{FLOAT} (1)"]
    assert [row.model for row in qref.evaluate([FLOAT.read_bytes(), qref.load(FLOAT)], IMAGES).rows] == ["model 0", "model 1"]


def one_operator(name, shape, out_shape, options=("NONE", {}), out_type=TensorType.FLOAT32, constants=()):
    graph = GraphBuilder()
    x = graph.input("x", TensorType.FLOAT32, shape)
    y = graph.tensor("y", out_type, out_shape)
    graph.operator(name, [x, *(graph.constant("c", c) for c in constants)], [y], options)
    return write(graph.model(outputs=[y]))


def test_an_only_output_is_class_1_above_the_threshold():
    model, data = one_operator("LOGISTIC", (1, 1), (1, 1)), np.float32([[-2], [-0.1], [0.1], [3]])
    assert qref.evaluate(model, data, [0, 0, 1, 1]).rows[0].metrics["accuracy"] == 1
    assert qref.evaluate(model, data, [0, 0, 1, 1], threshold=0.9).rows[0].metrics["accuracy"] == 0.75


def test_pixels_are_rows_of_their_own():
    model = one_operator("LOGISTIC", (1, 2, 2, 3), (1, 2, 2, 3))
    data = np.random.default_rng(0).normal(size=(5, 2, 2, 3)).astype(np.float32)
    found = qref.evaluate(model, data, data.argmax(axis=-1))
    assert found.samples == 20
    assert found.rows[0].metrics["accuracy"] == 1


def test_a_model_may_give_classes_itself():
    options = ("ArgMaxOptions", {"output_type": int(TensorType.INT64)})
    model = one_operator("ARG_MAX", (1, 4), (1,), options, TensorType.INT64, [np.array(1, np.int32)])
    data = np.eye(4, dtype=np.float32)
    found = qref.evaluate([model, model], data, [0, 1, 2, 0]).rows
    assert found[0].metrics["accuracy"] == 0.75
    assert "snr" not in found[1].metrics
    assert found[1].metrics["agreement"] == 1


def two_inputs_and_outputs():
    graph = GraphBuilder()
    a, b = (graph.input(name, TensorType.FLOAT32, (1, 3)) for name in "ab")
    total, product = (graph.tensor(name, TensorType.FLOAT32, (1, 3)) for name in ("total", "product"))
    graph.operator("ADD", [a, b], [total], ("AddOptions", {}))
    graph.operator("MUL", [a, b], [product], ("MulOptions", {}))
    return write(graph.model(outputs=[total, product]))


def test_several_inputs_go_by_name_and_an_output_is_chosen(tmp_path):
    rng = np.random.default_rng(0)
    arrays = {name: rng.normal(size=(6, 1, 3)).astype(np.float32) for name in "ba"}
    np.savez(tmp_path / "data.npz", **arrays)
    for output, want in (("total", arrays["a"] + arrays["b"]), (1, arrays["a"] * arrays["b"])):
        found = qref.evaluate(two_inputs_and_outputs(), tmp_path / "data.npz", want + 0.5, output=output)
        assert found.task == "regression"
        assert found.rows[0].metrics["mean_absolute_error"] == pytest.approx(0.5, abs=1e-6)
    with pytest.raises(InputError, match="outputs 'total', 'product': choose one"):
        qref.evaluate(two_inputs_and_outputs(), arrays, np.zeros((6, 3)))
    with pytest.raises(InputError, match="there is no 'sum'"):
        qref.evaluate(two_inputs_and_outputs(), arrays, np.zeros((6, 3)), output="sum")


def test_agreement_of_a_regression_is_the_snr_alone():
    found = qref.evaluate([FLOAT, INT8], IMAGES, np.zeros((40, 10), np.float32), task="regression")
    assert "agreement" not in found.rows[1].metrics
    assert found.rows[1].metrics["snr"] > 20


def test_every_sample_starts_from_the_initial_state():
    model = integrator()
    data = np.random.default_rng(0).normal(size=(4, 1, 320, 16)).astype(np.float32) * np.float32(0.01)
    forward, backward = outputs(model, data), outputs(model, data[::-1])
    np.testing.assert_array_equal(forward, backward[::-1])
    assert len(np.unique(forward, axis=0)) == 4


def test_the_runtime_is_chosen():
    found = [
        qref.evaluate([FLOAT, INT8], IMAGES, runtime=name).rows[1].metrics["snr"] for name in ("litert-reference", "xnnpack")
    ]
    assert found[0] != found[1]


def test_progress_names_the_model_and_counts_samples():
    seen = []
    qref.evaluate([FLOAT, INT8], IMAGES, progress=lambda name, count: seen.append((name, count)))
    assert seen[-1] == ("digits_cnn_int8", 40)
    assert ("digits_cnn_float", 40) in seen


def test_bytes_are_those_of_the_file():
    content, model = FLOAT.read_bytes(), qref.load(FLOAT)
    sizes = [row.bytes for row in qref.evaluate([FLOAT, content, model], IMAGES).rows]
    assert sizes == [len(content), len(content), len(write(model))]


@pytest.mark.parametrize(
    ("data", "labels", "options", "message"),
    [
        (IMAGES[:, :7], np.zeros(40, int), {}, r"'digits_cnn_float': sample 0: .* takes float32 of shape \[1, 8, 8, 1\]"),
        (IMAGES, np.full(40, 10), {}, "label 0 is 10; the model's classes are 0 to 9"),
        (IMAGES[:0], [], {}, "the dataset holds no sample"),
        (np.full((40, 8, 8, 1), np.nan), np.zeros(40, int), {}, "sample 0: .* NaN"),
        (IMAGES, np.full(40, np.nan), {}, "label 0 is NaN"),
        (IMAGES, np.zeros(39, int), {}, r"labels of shape \[39\] do not fit"),
        (IMAGES, np.zeros(40, int), {"task": "ranking"}, "'ranking' is no task"),
        (IMAGES, np.zeros(40, int), {"top_k": 0}, "top_k must be at least 1"),
        (IMAGES, np.zeros(40, int), {"runtime": "tpu"}, "'tpu'"),
        (IMAGES, None, {}, "give labels, or more than one model"),
        ("missing.npy", np.zeros(40, int), {}, "missing.npy"),
    ],
)
def test_what_does_not_fit_is_one_clear_error(data, labels, options, message):
    with pytest.raises(InputError, match=message):
        qref.evaluate(FLOAT, data, labels, **options)


def test_no_model_and_a_damaged_model_are_refused():
    with pytest.raises(InputError, match="no model"):
        qref.evaluate([], IMAGES, np.zeros(40, int))
    with pytest.raises(ModelError):
        qref.evaluate(FLOAT.read_bytes()[:3000], IMAGES, np.zeros(40, int))


def test_outputs_that_are_not_finite_cannot_be_judged():
    model = one_operator("LOG", (1, 2), (1, 2))
    with pytest.raises(InputError, match="output 'y' becomes NaN or infinite for sample 1"):
        qref.evaluate(model, np.float32([[1, 2], [1, -1]]), [0, 0])
