"""The text of tf.lite's Analyzer, character by character: recorded from TensorFlow 2.21, for odd models and for real ones."""

import pathlib
import subprocess
import sys

import pytest
from odd_models import ODD_MODELS

import qref
from qref.schema import GraphBuilder, TensorType, write

FOLDER = pathlib.Path(__file__).parent / "tflite"
SHARED = pathlib.Path(__file__).parents[3] / "shared"
GOLDEN = sorted((SHARED / "golden/analyzer").glob("*.txt"))
RECORDED = sorted(FOLDER.glob("*.txt"))


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.stem)
def test_odd_models_give_the_recorded_text(path, capsys):
    name = path.stem.removesuffix("_gpu")
    qref.Analyzer.analyze(model_content=ODD_MODELS[name](), gpu_compatibility=path.stem != name)
    assert capsys.readouterr().out == path.read_text()


def test_every_odd_model_was_recorded():
    assert {path.stem for path in RECORDED} == {*ODD_MODELS, "constants_gpu"}


@pytest.mark.skipif(not GOLDEN, reason=f"the recorded texts of real models are not in {SHARED}")
def test_real_models_give_the_recorded_text(capsys):
    for path in GOLDEN:
        qref.Analyzer.analyze(model_content=(SHARED / path.stem.replace("__", "/")).read_bytes())
        assert capsys.readouterr().out == path.read_text(), path.name


def test_a_path_stands_in_the_first_line(capsys):
    path = qref.bundled("digits_cnn_int8")
    qref.Analyzer.analyze(model_path=str(path))
    from_path = capsys.readouterr().out
    qref.Analyzer.analyze(model_content=path.read_bytes())
    from_bytes = capsys.readouterr().out
    assert from_path.split("\n", 1) == [f"=== {path} ===", from_bytes.split("\n", 1)[1]]


def test_the_command_prints_the_same(capsys):
    path = qref.bundled("digits_cnn_int8")
    qref.Analyzer.analyze(str(path), gpu_compatibility=True)
    command = [sys.executable, "-c", "from qref.cli import main; main()"]
    call = [*command, "analyze", "--style", "tflite", "--gpu-compatibility", str(path)]
    done = subprocess.run(call, capture_output=True, check=True, timeout=100)
    assert done.stdout.decode() == capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({}, ValueError, "neither"),
        ({"model_content": b""}, ValueError, "neither"),
        ({"model_path": "missing.tflite"}, qref.InvalidModel, "missing.tflite"),
        ({"model_content": b"TFL3TFL3" * 9}, qref.InvalidModel, "the root at byte 0"),
        ({"model_path": "x", "experimental_use_mlir": True}, qref.InputError, "MLIR"),
        ({"model_path": "x", "verbose": True}, qref.InputError, "verbose"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_printed(arguments, error, message, capsys):
    with pytest.raises(error, match=message):
        qref.Analyzer.analyze(**arguments)
    assert capsys.readouterr().out == ""


def test_a_file_that_is_cut_anywhere_is_refused():
    content = write(_small())
    for end in range(0, len(content), 8):
        with pytest.raises((qref.InvalidModel, qref.InputError)):
            qref.Analyzer.analyze(model_content=content[:end])


def _small():
    graph = GraphBuilder()
    x, y = graph.input("x", TensorType.FLOAT32, (2,)), graph.tensor("y", TensorType.FLOAT32, (2,))
    graph.operator("NEG", [x], [y])
    return graph.model(outputs=[y])
