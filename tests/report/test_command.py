"""The commands: qref report writes a page, --plot a picture; what is wrong is told before anything is written."""

import json
import pathlib
import shlex
import subprocess
import sys

import numpy as np
import pytest

import qref

ROOT = pathlib.Path(__file__).parent.parent.parent
FLOAT, INT8 = qref.bundled("digits_cnn_float"), qref.bundled("digits_cnn_int8")
WITHOUT_MATPLOTLIB = "import sys; sys.modules['matplotlib.figure'] = None; "


def call(*arguments, cwd=ROOT, before=""):
    command = [sys.executable, "-c", before + "from qref.cli import main; main()", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, timeout=300)


@pytest.fixture
def data(tmp_path, digits):
    np.save(tmp_path / "digits.npy", digits[0])
    np.savetxt(tmp_path / "labels.csv", digits[1], fmt="%d")
    return tmp_path / "digits.npy"


def test_the_example_of_the_help_writes_a_page(tmp_path, data):
    text = call("report", "--help").stdout
    example = " ".join(text[text.index("Example: qref ") + len("Example: qref ") :].split())
    (tmp_path / "qref").symlink_to(ROOT / "qref")
    done = call(*shlex.split(example), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "report.html").read_text()
    assert page.startswith("<!DOCTYPE html>")
    assert f"report.html: {len(page.encode()):,} bytes" in done.stdout
    assert "operators suspected on 30 samples: 0" in done.stdout


def test_the_page_is_that_of_the_function_and_json_is_printed(tmp_path, data, digits):
    options = ("--data", data, "--labels", tmp_path / "labels.csv", "--no-verify", "--runtime", "litert-reference", "--json")
    done = call("report", FLOAT, INT8, *options, "-o", tmp_path / "r.html")
    assert done.returncode == 0, done.stderr
    made = qref.report.report(INT8, FLOAT, *digits, runtime="litert-reference", verify_with=())
    assert (tmp_path / "r.html").read_text() == made.to_html()
    assert json.loads(done.stdout) == json.loads(json.dumps(made.to_dict()))


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        ((FLOAT, INT8, INT8), 2, "3 models are given"),
        (("missing.tflite",), 3, "missing.tflite"),
        (("README.md",), 3, "README.md"),
        ((FLOAT, INT8, "--data", "missing.npy"), 2, "missing.npy"),
        ((INT8, FLOAT, "--data", "DATA"), 2, "give the float model first"),
        ((INT8, "--runtime", "tpu"), 2, "'tpu'"),
        ((INT8, "--data", "DATA", "--samples", 0), 2, "holds no sample"),
    ],
)
def test_a_wrong_call_says_what_is_wrong_and_leaves_the_old_page(tmp_path, data, arguments, status, message):
    page = tmp_path / "r.html"
    page.write_text("old")
    done = call("report", *(data if each == "DATA" else each for each in arguments), "-o", page, "--no-verify")
    assert (done.returncode, done.stdout) == (status, "")
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert page.read_text() == "old"


def test_debug_and_explain_draw_their_figures(tmp_path, data):
    done = call("debug", FLOAT, INT8, "--data", data, "--plot", tmp_path / "debug.svg")
    assert done.returncode == 0, done.stderr
    assert "RMSE / scale" in (tmp_path / "debug.svg").read_text()
    done = call("explain", INT8, "--op", 3, "--at", "0,1,2,5", "--plot", tmp_path / "line.png")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "line.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("debug", FLOAT, INT8, "--data", "DATA", "--plot", "debug.gif"), "should end in .png, .svg, .pdf"),
        (("explain", INT8, "--op", 3, "--at", "0,1,2,5", "--plot", "line"), "should end in .png, .svg, .pdf"),
        (("explain", INT8, "--op", 1, "--at", "0,0,0,0", "--plot", "line.svg"), "nothing is rounded"),
        (("explain", INT8, "--op", 3, "--at", "0,1,2,5", "--plot", "no/line.svg"), "cannot write"),
    ],
)
def test_a_picture_that_cannot_be_drawn_is_told(tmp_path, data, arguments, message):
    done = call(*(data if each == "DATA" else each for each in arguments), cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("report", INT8, "-o", "r.html"),
        ("debug", FLOAT, INT8, "--data", "DATA", "--plot", "debug.svg"),
        ("explain", INT8, "--op", 3, "--at", "0,1,2,5", "--plot", "line.svg"),
    ],
    ids=lambda arguments: arguments[0],
)
def test_without_matplotlib_the_way_to_install_it_is_told(tmp_path, data, arguments):
    done = call(*(data if each == "DATA" else each for each in arguments), cwd=tmp_path, before=WITHOUT_MATPLOTLIB)
    assert (done.returncode, done.stdout) == (4, "")
    assert "pip install 'qref-tflite[report]'" in done.stderr
    assert not list(tmp_path.glob("*.svg"))
    assert not list(tmp_path.glob("*.html"))
