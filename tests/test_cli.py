"""The command: results on stdout, messages on stderr, the exit status as documented, every help's example runs."""

import json
import pathlib
import shlex
import subprocess
import sys

import numpy as np
import pytest
from oracle import needs_litert

import qref
from qref.models import FOLDER
from qref.schema import GraphBuilder, TensorType, save

ROOT = pathlib.Path(__file__).parent.parent
VERBS = ("run", "verify", "analyze", "bench", "explain", "vectors")


def call(*arguments, cwd=ROOT):
    command = [sys.executable, "-c", "from qref.cli import main; main()", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, timeout=300)


@pytest.fixture
def digit(tmp_path):
    with np.load(FOLDER / "digits_cnn_int8.npz") as recorded:
        np.save(tmp_path / "digit.npy", recorded["input/0"])
        return tmp_path / "digit.npy", recorded["output/reference/0"]


@needs_litert
@pytest.mark.parametrize("verb", VERBS)
def test_the_example_at_the_end_of_a_help_runs(verb, tmp_path, digit):
    text = call(verb, "--help").stdout
    example = " ".join(text[text.index("Example: qref ") + len("Example: qref ") :].split())
    (tmp_path / "qref").symlink_to(ROOT / "qref")
    done = call(*shlex.split(example), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout


def test_run_prints_and_saves_what_the_model_computes(digit, tmp_path):
    path, want = digit
    done = call("run", qref.bundled("digits_cnn_int8"), "--input", path, "--json", "-o", tmp_path / "out.npz")
    assert done.returncode == 0, done.stderr
    (printed,) = json.loads(done.stdout).values()
    assert printed == want.tolist()
    with np.load(tmp_path / "out.npz") as saved:
        np.testing.assert_array_equal(saved[saved.files[0]], want)


def test_the_first_compilation_is_told(digit, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    runs = [call("run", qref.bundled("digits_cnn_int8"), "--input", digit[0]) for _ in range(2)]
    assert [run.stderr for run in runs] == ["qref: compiling kernels for this CPU, once\n", ""]
    assert runs[0].stdout == runs[1].stdout


def test_run_quantizes_real_values_and_reads_images(tmp_path):
    from PIL import Image

    Image.fromarray(np.full((20, 20), 128, np.uint8)).save(tmp_path / "grey.png")
    np.save(tmp_path / "grey.npy", np.full((1, 8, 8, 1), 128 / 255, np.float32))
    np.savez(tmp_path / "grey.npz", image=np.full((1, 8, 8, 1), 0, np.int8))
    results = {}
    for name in ("grey.png", "grey.npy", "grey.npz"):
        done = call("run", qref.bundled("digits_cnn_int8"), "--input", tmp_path / name, "--json")
        assert done.returncode == 0, done.stderr
        results[name] = done.stdout
    assert len(set(results.values())) == 1


def test_analyze_tells_operators_tensors_types_and_quantization():
    done = call("analyze", qref.bundled("digits_cnn_int8"))
    assert done.returncode == 0
    assert "DEPTHWISE_CONV_2D" in done.stdout
    assert "16 along axis 3" in done.stdout
    assert "SAME, stride_w 1, stride_h 1, depth_multiplier 1, RELU6" in done.stdout
    described = json.loads(call("analyze", qref.bundled("digits_cnn_int8"), "--json").stdout)
    tensors = described["subgraphs"][0]["tensors"]
    assert tensors[0]["type"] == "INT8"
    assert tensors[0]["zero_points"] == [-128]


def test_a_model_with_an_unknown_operator_is_analyzed_and_refused_by_name(tmp_path):
    graph = GraphBuilder()
    x, y = graph.input("x", TensorType.FLOAT32, (2,)), graph.tensor("y", TensorType.FLOAT32, (2,))
    graph.operator("CUSTOM", [x], [y], custom_code="MyCustomOperator", custom_options=b"\1\2")
    save(graph.model(outputs=[y]), tmp_path / "custom.tflite")
    np.save(tmp_path / "x.npy", np.zeros(2, np.float32))
    assert "MyCustomOperator" in call("analyze", tmp_path / "custom.tflite").stdout
    done = call("run", tmp_path / "custom.tflite", "--input", tmp_path / "x.npy")
    assert (done.returncode, done.stdout) == (3, "")
    assert "operator 0 (MyCustomOperator)" in done.stderr


def test_vectors_writes_a_folder_and_prints_its_manifest(tmp_path):
    arguments = ("vectors", qref.bundled("digits_cnn_int8"), "--op", 7, "--format", "npz,c", "-o", tmp_path / "v")
    done = call(*arguments, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == json.loads((tmp_path / "v" / "manifest.json").read_text())
    done = call(*arguments, "--force")
    assert "op007_fully_connected" in done.stdout
    assert "reference kernel" in done.stdout


@needs_litert
def test_verify_prints_a_table_and_json_and_exits_zero_where_all_is_exact():
    done = call("verify", qref.bundled("digits_cnn_int8"), qref.bundled("digits_cnn_float"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 of 2 models are exact in every bit" in done.stdout
    (row,) = json.loads(call("verify", qref.bundled("digits_cnn_int8"), "--json", "--rounds", 1).stdout)
    assert row["status"] == "exact"
    assert row["mismatches"] == 0
    assert row["elements"] > 1000


@needs_litert
def test_verify_shows_a_model_that_litert_refuses_as_a_row(tmp_path):
    (tmp_path / "bad.tflite").write_bytes(qref.bundled("digits_cnn_int8").read_bytes()[:5000])
    done = call("verify", tmp_path)
    assert done.returncode == 3
    assert "bad.tflite" in done.stdout
    assert "failed" in done.stdout


def test_bench_checks_a_kernel_of_ones_own_and_exits_one_where_it_is_wrong(tmp_path):
    text = """
import qref.bench
from qref.ops._sum import sum_quantized
qref.bench.register("ADD", lambda plan, constants: lambda x, z: sum_quantized(x, z, plan) ^ ERROR)
"""
    for error in (0, 1):
        (tmp_path / "mine.py").write_text(text.replace("ERROR", str(error)))
        arguments = ("bench", "ADD:8x8", "--against", "numpy", "--kernels", tmp_path / "mine.py", "--seconds", 0.01)
        done = call(*arguments, "-o", tmp_path / "bench.json", "--plot", tmp_path / "bench.png", "--operators")
        assert done.returncode == error, done.stderr
        (result,) = json.loads((tmp_path / "bench.json").read_text())
        assert [timing["name"] for timing in result["timings"]] == ["qref", "numpy", "kernels"]
        assert (result["timings"][2]["seconds"] is None) == bool(error)
        assert ("64 of 64 elements differ" in done.stdout) == bool(error)
        assert "GMAC/s of 8 bits" in done.stdout
        assert (tmp_path / "bench.png").stat().st_size > 0


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (("run",), 2, "Missing argument"),
        (("analyze", "missing.tflite"), 3, "missing.tflite"),
        (("analyze", "tests"), 3, "directory"),
        (("verify", "missing.tflite"), 2, "no file or folder missing.tflite"),
        (("verify", "docs"), 2, "docs"),
        (("verify", "qref/models", "--runtime", "tpu"), 2, "'tpu'"),
        (("verify", "qref/models", "--rounds", "0"), 2, "at least 1"),
        (("run", "qref/models/digits_cnn_int8.tflite", "--input", "missing.npy"), 2, "missing.npy"),
        (("vectors", "qref/models/digits_cnn_int8.tflite"), 2, "Missing option"),
        (("vectors", "qref/models/digits_cnn_int8.tflite", "--op", "99", "-o", "no-vectors"), 2, "no operator 99"),
        (("vectors", "missing.tflite", "-o", "no-vectors"), 3, "missing.tflite"),
        (("vectors", "qref/models/digits_cnn_int8.tflite", "-o", "tests"), 2, "not empty"),
        (("bench", "missing.tflite"), 2, "no file, no folder, no bundled model"),
        (("bench", "CONV:1x2"), 2, "those that can are CONV_2D"),
        (("bench", "ADD:4x4", "--against", "tpu"), 2, "unknown contender 'tpu'"),
        (("bench", "ADD:4x4", "--kernels", "missing.py"), 2, "missing.py is no Python file"),
        (("bench", "ADD:4x4", "--threads", "0"), 2, "threads must be at least 1"),
        (("bench", "ADD:4x4", "--plot", "picture.txt"), 2, "cannot draw picture.txt"),
        (("run", "qref/models/digits_cnn_int8.tflite", "--input", "README.md"), 2, "unknown kind"),
        (("run", "qref/models/digits_cnn_int8.tflite", "--input", "qref/models/digits_cnn_int8.tflite"), 2, "unknown kind"),
    ],
)
def test_a_wrong_call_says_what_is_wrong_and_exits_as_documented(arguments, status, message):
    done = call(*arguments)
    assert done.returncode == status
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_an_output_that_cannot_be_written_leaves_nothing(digit, tmp_path):
    done = call("run", qref.bundled("digits_cnn_int8"), "--input", digit[0], "-o", tmp_path / "no" / "folder" / "out.npz")
    assert done.returncode == 2
    assert "cannot write" in done.stderr
    assert not (tmp_path / "no").exists()
    done = call("run", qref.bundled("digits_cnn_int8"), "--input", digit[0], "-o", "/dev/full/out.npz")
    assert done.returncode == 2


def test_names_from_a_model_are_neither_markup_nor_control_characters(tmp_path):
    graph = GraphBuilder()
    x = graph.input("[bold]x[/bold] :smile: \x1b[31m", TensorType.FLOAT32, (1,))
    y = graph.tensor("y" * 10_000, TensorType.FLOAT32, (1,))
    graph.operator("NEG", [x], [y])
    save(graph.model(outputs=[y]), tmp_path / "names.tflite")
    done = call("analyze", tmp_path / "names.tflite")
    assert "[bold]x[/bold] :smile: \\x1b[31m" in done.stdout
    assert "\x1b" not in done.stdout + call("run", tmp_path / "names.tflite", "--input", tmp_path / "missing.npy").stderr
    assert f"{'y' * 200}... (10,000 characters)" in done.stdout
    assert "y" * 10_000 in call("analyze", tmp_path / "names.tflite", "--json").stdout


def test_analyze_compares_two_models_and_sets_several_side_by_side(tmp_path):
    models = [qref.bundled(f"digits_cnn_{kind}") for kind in ("float", "drq", "int8")]
    done = call("analyze", *models)
    assert (done.returncode, done.stderr) == (0, "")
    assert " ".join(done.stdout.split()).count("FLOAT32 20 19 ↓ 0 ↓↓") == 1
    done = call("analyze", *models[1:])
    assert done.returncode == 1
    assert "21 pairs of tensors differ" in done.stdout
    done = call("analyze", models[0], models[0], "-o", tmp_path / "same.json")
    assert done.returncode == 0
    assert "no difference: 21 tensors are equal" in done.stdout
    written = json.loads((tmp_path / "same.json").read_text())
    assert written["comparison"]["differs"] is False
    assert [model["path"] for model in written["models"]] == [str(models[0])] * 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--style", "keras"), "unknown style 'keras'"),
        (("--style", "tflite", "--json"), "text alone"),
        (("--gpu-compatibility",), "goes with --style tflite"),
    ],
)
def test_options_of_analyze_that_do_not_go_together(options, message):
    done = call("analyze", qref.bundled("digits_cnn_int8"), *options)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
