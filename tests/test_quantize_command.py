"""qref quantize: files in, a file out, what was decided told, nothing lost when it is refused."""

import json
import pathlib
import subprocess
import sys

import numpy as np
import pytest

import qref
from qref.schema import load

FLOAT = qref.bundled("digits_cnn_float")
SAMPLES = np.random.default_rng(2).uniform(0, 1, (12, 1, 8, 8, 1)).astype(np.float32)


def call(*arguments):
    command = [sys.executable, "-c", "from qref.cli import main; main()", "quantize", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300)


@pytest.fixture
def data(tmp_path):
    np.save(tmp_path / "samples.npy", SAMPLES)
    return tmp_path / "samples.npy"


def test_the_example_of_the_help_runs(tmp_path):
    text = call("--help").stdout
    words = text[text.index("Example: qref quantize ") + len("Example: qref quantize ") :].split()
    done = call(FLOAT, *words[1:-1], tmp_path / words[-1])
    assert done.returncode == 0, done.stderr
    assert "digits_drq.tflite" in done.stdout


def test_everything_at_once(tmp_path, data):
    (tmp_path / "recipe.json").write_text('{"rules": [{"operators": "SOFTMAX", "scheme": "float"}]}')
    done = call(
        *(FLOAT, "--recipe", tmp_path / "recipe.json", "--data", data, "--samples", 10, "--method", "percentile:99.9"),
        *(
            "--calibration",
            tmp_path / "ranges.npz",
            "--input-type",
            "int8",
            "--deny-op",
            "MEAN",
            "--json",
            "-o",
            tmp_path / "q.tflite",
        ),
    )
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["samples"] == 10
    assert report["bytes"]["quantized"] == (tmp_path / "q.tflite").stat().st_size
    assert report["recipe"]["rules"][-1] == {"operators": "MEAN", "scheme": "float"}
    graph = load(tmp_path / "q.tflite").subgraphs[0]
    assert graph.tensors[graph.inputs[0]].type.name == "INT8"
    floats = {o.name for o in graph.operators if graph.tensors[o.outputs[0]].type.name == "FLOAT32"}
    assert {"MEAN", "SOFTMAX"} <= floats | {"DEQUANTIZE"}
    again = call(FLOAT, "--calibration", tmp_path / "ranges.npz", "-o", tmp_path / "again.tflite", "--explain", "0")
    assert again.returncode == 0, again.stderr
    assert again.stdout.startswith("tensor 0 (")
    assert "INT8 scale" in again.stdout


def test_a_bad_sample_leaves_what_was_recorded_and_no_file(tmp_path):
    samples = SAMPLES.copy()
    samples[5] = np.nan
    np.save(tmp_path / "samples.npy", samples)
    done = call(FLOAT, "--data", tmp_path / "samples.npy", "--calibration", tmp_path / "ranges.npz", "-o", tmp_path / "q.tflite")
    assert done.returncode == 2
    assert "after 5 samples: sample 5: input" in done.stderr
    assert "NaN" in done.stderr
    assert not (tmp_path / "q.tflite").exists()
    np.save(tmp_path / "samples.npy", SAMPLES)
    assert (
        call(
            FLOAT, "--data", tmp_path / "samples.npy", "--calibration", tmp_path / "ranges.npz", "-o", tmp_path / "q.tflite"
        ).returncode
        == 0
    )
    assert (tmp_path / "q.tflite").read_bytes() == qref.quantize(FLOAT, representative_dataset=SAMPLES)


@pytest.mark.parametrize(
    ("arguments", "code", "why"),
    [
        ((), 2, "representative_dataset"),
        (("--scheme", "int9"), 2, "no scheme"),
        (("--recipe", "missing.json"), 2, "missing.json"),
        (("--data", "missing.npz"), 2, "missing.npz"),
        (("--scheme", "dynamic_range", "--explain", "nothing"), 2, "nothing was decided"),
    ],
)
def test_refusals_name_the_thing(arguments, code, why, tmp_path):
    done = call(FLOAT, *arguments, "-o", tmp_path / "q.tflite")
    assert (done.returncode, done.stdout) == (code, "")
    assert why in done.stderr
    assert "Traceback" not in done.stderr


def test_the_model_is_never_overwritten_by_a_failure(tmp_path):
    copy = pathlib.Path(tmp_path / "model.tflite")
    copy.write_bytes(FLOAT.read_bytes())
    assert call(copy, "--scheme", "full_integer", "-o", copy).returncode == 2
    assert copy.read_bytes() == FLOAT.read_bytes()
