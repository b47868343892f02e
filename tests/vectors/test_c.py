"""The C beside golden vectors compiles without a warning, passes with its own kernels, and fails with a wrong one."""

import re
import shutil
import subprocess

import numpy as np
import pytest
from vector_models import ONE_OPERATOR, RUNTIMES, in_turn

import qref
from qref.schema import GraphBuilder, TensorType, save
from qref.vectors import Request, generate

pytestmark = pytest.mark.skipif(shutil.which("gcc") is None, reason="gcc is not installed")
FLAGS = ("-std=c99", "-Wall", "-Wextra", "-Werror", "-O1")
CASES = [(name, runtime) for name in ("digits_cnn_int8", "digits_cnn_int16") for runtime in RUNTIMES]
CASES += in_turn(ONE_OPERATOR, 2)


def compile_and_run(folder, *sources):
    """The check linked with these further files; the compiler must be silent."""
    ours = sorted((folder / "c").glob("*.c"))
    command = ["gcc", *FLAGS, f"-I{folder / 'c'}", *map(str, [*ours, *sources]), "-lm", "-o", str(folder / "check")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")
    return subprocess.run([folder / "check"], capture_output=True, text=True, timeout=120)


def generated(tmp_path, model, runtime, **request):
    path = tmp_path / "model.tflite"
    if isinstance(model, str):
        shutil.copy(qref.bundled(model), path)
    else:
        save(model, path)
    return generate(Request(path, runtime, formats=("c",), count=2, **request), tmp_path / "vectors"), tmp_path / "vectors"


@pytest.mark.parametrize(("name", "runtime"), CASES)
def test_reference_kernels_give_the_expected_bytes(tmp_path, name, runtime):
    manifest, folder = generated(tmp_path, ONE_OPERATOR[name]() if name in ONE_OPERATOR else name, runtime)
    done = compile_and_run(folder)
    assert done.returncode == 0, done.stdout
    assert "SKIP op004_add" not in done.stdout or runtime != "litert-reference"
    with_kernel = [o["id"] for o in manifest["operators"] if o["c"] == "reference kernel"]
    assert with_kernel
    assert re.findall(r"^PASS (\w+)", done.stdout, re.M) == with_kernel


POOL = {"padding": 0, "stride_h": 2, "stride_w": 1, "filter_height": 3, "filter_width": 2}
FORMS = {
    "lookup_table_8bit": ("LOGISTIC", TensorType.UINT8, [(3, 5)], None),
    "average_pool_2d": ("AVERAGE_POOL_2D", TensorType.INT8, [(2, 5, 4, 3)], ("Pool2DOptions", POOL)),
    "max_pool_2d": ("MAX_POOL_2D", TensorType.INT16, [(2, 5, 4, 3)], ("Pool2DOptions", POOL)),
    "sum_quantized": ("SUB", TensorType.INT8, [(2, 3, 4), (3, 1)], ("SubOptions", {})),
    "copy": ("EXPAND_DIMS", TensorType.INT8, [(2, 3)], None),
}


@pytest.mark.parametrize("form", FORMS)
def test_operators_without_an_accumulator_have_kernels_too(tmp_path, form):
    name, type, shapes, options = FORMS[form]
    graph = GraphBuilder()
    zero_point = 0 if type == TensorType.INT16 else 5
    inputs = [graph.input(f"x{n}", type, shape, scale=0.03 + n / 50, zero_point=zero_point) for n, shape in enumerate(shapes)]
    if name == "EXPAND_DIMS":
        inputs.append(graph.constant("axis", np.array([1], np.int32), TensorType.INT32))
    scales = {"LOGISTIC": (1 / 256, 0), "SUB": (0.05, -3)}.get(name, (0.03, zero_point))
    y = graph.tensor("y", type, (), scale=scales[0], zero_point=scales[1])
    graph.operator(name, inputs, [y], options)
    manifest, folder = generated(tmp_path, graph.model(outputs=[y]), "litert-reference")
    assert manifest["operators"][0]["form"] == form
    done = compile_and_run(folder)
    assert re.fullmatch(rf"PASS {manifest['operators'][0]['id']}: \d+ cases\n1 passed, .*\n", done.stdout), done.stdout


@pytest.mark.parametrize("name", ["digits_cnn_float", "digits_cnn_drq", "digits_cnn_f16"])
def test_models_of_floats_compile_and_skip(tmp_path, name):
    manifest, folder = generated(tmp_path, name, "xnnpack")
    done = compile_and_run(folder)
    assert done.stdout.endswith(f"0 passed, 0 failed, {len(manifest['operators'])} without a function\n")


def test_a_network_with_states_compiles(tmp_path):
    _, folder = generated(tmp_path, "deepconvlstm_int8", "litert-reference", operators=(6, 8))
    done = compile_and_run(folder)
    assert "SKIP op006_unidirectional_sequence_lstm" in done.stdout
    assert "PASS op008_fully_connected" in done.stdout


FAULTY = """
#include "qref_vectors.h"
void qref_run_op003_conv_2d(const int8_t *input0, int8_t *output0)
{
    for (int i = 0; i < OP003_CONV_2D_OUTPUT0_SIZE; ++i) {
        output0[i] = input0[0];
    }
}
"""
RIGHT = """
#include "qref_vectors.h"
void qref_run_op001_max_pool_2d(const float *x, float *y)
{
    for (int oy = 0; oy < 4; ++oy)
    for (int ox = 0; ox < 4; ++ox)
    for (int c = 0; c < 16; ++c) {
        float greatest = -3.0e38f;
        for (int k = 0; k < 4; ++k) {
            const float value = x[((2 * oy + k / 2) * 8 + 2 * ox + k % 2) * 16 + c];
            greatest = value > greatest ? value : greatest;
        }
        y[(oy * 4 + ox) * 16 + c] = greatest;
    }
}
"""


def test_a_users_kernel_takes_the_place_of_the_reference_and_a_wrong_one_fails(tmp_path):
    _, folder = generated(tmp_path, "digits_cnn_int8", "litert-reference")
    (tmp_path / "mine.c").write_text(FAULTY)
    done = compile_and_run(folder, tmp_path / "mine.c")
    assert done.returncode == 1
    (failed,) = {line.split(":")[0] for line in done.stdout.splitlines() if line.startswith("FAIL")}
    assert failed == "FAIL op003_conv_2d"
    assert re.search(r"FAIL op003_conv_2d: unit_0 output0 element \d+: expected -?\d+, found -?\d+", done.stdout)
    assert "PASS op000_conv_2d" in done.stdout


def test_an_operator_without_a_reference_is_compared_where_the_user_defines_it(tmp_path):
    _, folder = generated(tmp_path, "digits_cnn_float", "litert-reference")
    (tmp_path / "mine.c").write_text(RIGHT)
    assert "PASS op001_max_pool_2d" in compile_and_run(folder, tmp_path / "mine.c").stdout
    (tmp_path / "mine.c").write_text(RIGHT.replace("greatest = -3.0e38f", "greatest = 1.0f"))
    done = compile_and_run(folder, tmp_path / "mine.c")
    assert done.returncode == 1
    assert "FAIL op001_max_pool_2d" in done.stdout


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_kernel_that_rounds_ties_the_other_way_fails(tmp_path, runtime):
    """The unit cases tell the runtimes' rules apart, by their ties if by nothing else."""
    _, folder = generated(tmp_path, "digits_cnn_int8", runtime)
    kernels = folder / "c" / "qref_kernels.c"
    text = kernels.read_text()
    wrong = {
        "litert-reference": ("(high < 0 ? -magnitude : magnitude)", "floor_shift(high + half, right)"),
        "litert-optimized": (
            "high_half(acc, multiplier, shift) + ((INT64_C(1) << right) >> 1)",
            "high_half(acc, multiplier, shift)",
        ),
        "xnnpack": ("nearbyintf(", "roundf("),
    }[runtime]
    assert wrong[0] in text
    kernels.write_text(text.replace(*wrong).replace("magnitude = ", "magnitude __attribute__((unused)) = "))
    done = compile_and_run(folder)
    assert done.returncode == 1
    assert "FAIL" in done.stdout


def test_names_of_the_file_reach_no_identifier(tmp_path):
    graph = GraphBuilder()
    x = graph.input('*/ "x\n../../x', TensorType.INT8, (2,), scale=0.5)
    y = graph.tensor("int main", TensorType.INT8, (2,), scale=0.5)
    graph.operator("NEG", [x], [y])
    manifest, folder = generated(tmp_path, graph.model(outputs=[y]), "litert-reference")
    assert manifest["operators"][0]["id"] == "op000_neg"
    assert "0 failed" in compile_and_run(folder).stdout
    assert not any("main" in p.name or ".." in p.name for p in folder.rglob("*"))
