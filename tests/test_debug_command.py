"""qref debug: two models and samples in, a table, a CSV or JSON out; names from files are shown harmlessly."""

import csv
import dataclasses
import json
import pathlib
import shlex
import subprocess
import sys

import numpy as np
import pytest
from recurrent_models import Variant, lstm_model

import qref
from qref.schema import load, save

ROOT = pathlib.Path(__file__).parent.parent
FLOAT, INT8 = qref.bundled("digits_cnn_float"), qref.bundled("digits_cnn_int8")
SAMPLES = np.random.default_rng(3).uniform(0, 1, (9, 1, 8, 8, 1)).astype(np.float32)


def call(*arguments, cwd=ROOT):
    command = [sys.executable, "-c", "from qref.cli import main; main()", "debug", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, timeout=300)


@pytest.fixture
def data(tmp_path):
    np.save(tmp_path / "digits.npy", SAMPLES)
    return tmp_path / "digits.npy"


def test_the_example_of_the_help_runs(tmp_path, data):
    text = call("--help").stdout
    example = " ".join(text[text.index("Example: qref debug ") + len("Example: qref debug ") :].split())
    (tmp_path / "qref").symlink_to(ROOT / "qref")
    done = call(*shlex.split(example), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "9 samples" in done.stdout
    assert done.stdout.count(" dB ") >= 3


def test_the_csv_and_the_json_are_written(tmp_path, data):
    done = call(FLOAT, INT8, "--data", data, "--samples", 5, "--csv", tmp_path / "d.csv", "--json", "-o", tmp_path / "d.json")
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    rows = list(csv.DictReader((tmp_path / "d.csv").read_text().splitlines()))
    report = json.loads((tmp_path / "d.json").read_text())
    assert report["samples"] == 5
    assert [row["op_name"] for row in rows] == [layer["op_name"] for layer in report["layers"]]
    assert float(rows[0]["stddev"]) == pytest.approx(report["layers"][0]["own"]["stddev"], rel=1e-6)


def test_names_are_shown_harmlessly(tmp_path, data):
    model = load(FLOAT)
    graph = model.subgraphs[0]
    names = ["[bold red]\x1b[31mboo\x07\n", "x" * 10_000]
    tensors = tuple(dataclasses.replace(t, name=names[t.index % 2]) for t in graph.tensors)
    save(dataclasses.replace(model, subgraphs=(dataclasses.replace(graph, tensors=tensors),)), tmp_path / "names.tflite")
    done = call(tmp_path / "names.tflite", INT8, "--data", data)
    assert done.returncode == 0, done.stderr
    assert "[bold red]\\x1b[31mboo\\x07\\n" in done.stdout
    assert "\x1b" not in done.stdout
    assert "x" * 100 not in done.stdout


def test_the_inside_of_an_lstm_is_printed(tmp_path):
    model = lstm_model(Variant(time=5, depth=40, cells=40, time_major=False, batch=1))
    inputs = np.random.default_rng(0).normal(size=(4, 1, 5, 40)).astype(np.float32)
    np.save(tmp_path / "x.npy", inputs)
    save(model, tmp_path / "float.tflite")
    (tmp_path / "int8.tflite").write_bytes(qref.quantize(model, "full_integer", inputs))
    done = call(tmp_path / "float.tflite", tmp_path / "int8.tflite", "--data", tmp_path / "x.npy")
    assert done.returncode == 0, done.stderr
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("inside operator")]
    assert [part.split()[0] for part in line.split(": ")[1].split(", ")] == ["input", "forget", "cell", "output", "cell_state"]


def test_an_operator_that_is_not_compared_is_named(tmp_path, data):
    model = load(FLOAT)
    buffers = list(model.buffers)
    changed = model.subgraphs[0].tensors[model.subgraphs[0].operators[3].inputs[1]].buffer
    size = len(buffers[changed].data) // 4
    buffers[changed] = dataclasses.replace(
        buffers[changed], data=np.random.default_rng(0).normal(size=size).astype("<f4").tobytes()
    )
    save(dataclasses.replace(model, buffers=tuple(buffers)), tmp_path / "other.tflite")
    done = call(tmp_path / "other.tflite", INT8, "--data", data)
    assert done.returncode == 0, done.stderr
    assert "not compared: operator 3 (CONV_2D): the constants of its counterpart are others" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        ((FLOAT, qref.bundled("deepconvlstm_int8")), 2, "give two forms of one model"),
        ((FLOAT, "missing.tflite"), 3, "missing.tflite"),
        (("README.md", INT8), 3, "README.md"),
        ((FLOAT, INT8, "--runtime", "tpu"), 2, "'tpu'"),
        ((FLOAT, INT8, "--like", "keras"), 2, "there is only 'tflite'"),
        ((FLOAT, INT8, "--samples", 0), 2, "holds no sample"),
        ((FLOAT, INT8, "--csv", "no/folder/d.csv"), 2, "cannot write"),
        ((FLOAT,), 2, "give the quantized model, or --suggest"),
    ],
)
def test_a_wrong_call_says_what_is_wrong(data, arguments, status, message):
    done = call(*arguments, "--data", data)
    assert (done.returncode, done.stdout) == (status, "")
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_a_recipe_is_suggested_and_quantizes(tmp_path):
    digits = pytest.importorskip("sklearn.datasets").load_digits()
    images = (digits.images[:120, None, :, :, None] / 16).astype(np.float32)
    np.save(tmp_path / "bright.npy", images)
    np.save(tmp_path / "dim.npy", images / 5)
    np.save(tmp_path / "labels.npy", digits.target[:120])
    options = ("--representative", tmp_path / "dim.npy", "--labels", tmp_path / "labels.npy", "--json")
    done = call(FLOAT, "--data", tmp_path / "bright.npy", "--suggest", tmp_path / "recipe.json", *options)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)["suggestion"]
    assert found["metric"] == "accuracy"
    assert found["won_back"] >= 0.8
    content = qref.quantize(FLOAT, representative_dataset=images / 5, recipe=tmp_path / "recipe.json")
    assert len(content) == found["bytes"]
