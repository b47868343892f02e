"""qref evaluate: a table with arrows, JSON, and refusals that name the thing."""

import json
import pathlib
import shlex
import subprocess
import sys

import numpy as np
import pytest

import qref
from qref.cli.evaluate import print_evaluation
from qref.evaluation import Evaluation, Row

ROOT = pathlib.Path(__file__).parent.parent.parent
FLOAT, INT8 = qref.bundled("digits_cnn_float"), qref.bundled("digits_cnn_int8")


def call(*arguments, cwd=ROOT):
    command = [sys.executable, "-c", "from qref.cli import main; main()", "evaluate", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, timeout=300)


@pytest.fixture
def folder(tmp_path):
    from sklearn.datasets import load_digits

    digits = load_digits()
    np.save(tmp_path / "digits.npy", (digits.images[1500:, ..., None] / 16).astype(np.float32))
    np.savetxt(tmp_path / "labels.csv", digits.target[1500:], fmt="%d", header="digit", comments="")
    (tmp_path / "qref").symlink_to(ROOT / "qref")
    return tmp_path


def test_the_example_of_the_help_runs(folder):
    text = call("--help").stdout
    example = " ".join(text[text.index("Example: qref evaluate ") + len("Example: qref evaluate ") :].split())
    done = call(*shlex.split(example), cwd=folder)
    assert done.returncode == 0, done.stderr
    lines = {line[:20].strip(): line[20:].split() for line in done.stdout.splitlines() if line.strip()}
    assert lines["accuracy"] == ["0.919", "0.923", "↑"]
    assert lines["top-5"] == ["0.997", "0.987", "↓"]
    assert lines["bytes"] == ["26,220", "12,616", "↓"]
    assert lines["agreement"] == ["0.997"]
    assert "Cohen's kappa" in lines


def test_json_and_confusion_matrices(folder):
    arguments = (FLOAT, INT8, "--data", folder / "digits.npy", "--labels", folder / "labels.csv")
    done = call(*arguments, "--confusion", "-o", folder / "out.json")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("true, predicted:") == 2
    printed = call(*arguments, "--json")
    written = json.loads((folder / "out.json").read_text())
    assert json.loads(printed.stdout) == written
    assert np.sum(written["rows"][0]["confusion"]) == 297


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        ((), 2, "Missing argument"),
        ((FLOAT,), 2, "--data"),
        ((FLOAT, "--data", "digits.npy"), 2, "give labels"),
        ((FLOAT, "--data", "missing.npy", "--labels", "labels.csv"), 2, "missing.npy"),
        ((FLOAT, "--data", "digits.npy", "--labels", "missing.csv"), 2, "missing.csv"),
        (("missing.tflite", "--data", "digits.npy", "--labels", "labels.csv"), 3, "missing.tflite"),
        ((FLOAT, "--data", "digits.npy", "--labels", "labels.csv", "--task", "ranking"), 2, "'ranking'"),
    ],
)
def test_refusals_name_the_thing(arguments, status, message, folder):
    done = call(*arguments, cwd=folder)
    assert (done.returncode, done.stdout) == (status, "")
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_names_are_no_markup_and_steer_no_terminal(capsys):
    name = "[bold]\x1b[31mx[/nothing]\n" + "y" * 10_000
    print_evaluation(Evaluation("regression", "tflm", 1, (Row(name, 0, {"r2": float("nan")}, ((1,),)),)), confusion=True)
    text = capsys.readouterr().out
    assert "\x1b" not in text
    assert "[bold]\\x1b[31mx[/nothing]\\nyyyy" in text
    assert "y" * 100 not in text
