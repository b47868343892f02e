"""The SystemVerilog benches pass with the device beside them, in Icarus Verilog and Verilator, and fail with a wrong one."""

import shutil
import subprocess

import pytest
from vector_models import ONE_OPERATOR, RUNTIMES, in_turn, save_model

import qref
from qref.errors import InputError
from qref.vectors import Request, generate
from qref.vectors.readmemh import words

needs_icarus = pytest.mark.skipif(shutil.which("iverilog") is None, reason="Icarus Verilog is not installed")
needs_verilator = pytest.mark.skipif(shutil.which("verilator") is None, reason="Verilator is not installed")
DESIGN = ("qref_dut.sv", "qref_mac.sv", "qref_requantize.sv")
SMALL = {"digits_cnn_int8": (0, 2, 7), "digits_cnn_int16": (3, 8)}
OTHERS = in_turn(["digits_cnn_int16", "uint8 conv", "uint8 fully connected", "transpose conv", "batch matmul"])


def generated(tmp_path, name, runtime):
    path = tmp_path / "model.tflite"
    if name in ONE_OPERATOR:
        save_model(name, path)
    else:
        shutil.copy(qref.bundled(name), path)
    request = Request(path, runtime, SMALL.get(name, ()), formats=("hex",), count=1)
    return generate(request, tmp_path / "vectors"), tmp_path / "vectors" / "hex"


def icarus(folder, bench):
    """Compile and run; the compiler must be silent."""
    command = ["iverilog", "-g2012", "-o", "bench", f"bench_{bench}.sv", *DESIGN]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
    return subprocess.run(["vvp", "-n", "bench"], cwd=folder, capture_output=True, text=True, timeout=60)


@needs_icarus
@pytest.mark.parametrize(("name", "runtime"), [("digits_cnn_int8", r) for r in RUNTIMES] + OTHERS)
def test_benches_pass_in_icarus_verilog(tmp_path, name, runtime):
    manifest, folder = generated(tmp_path, name, runtime)
    for operator in manifest["operators"]:
        done = icarus(folder, operator["id"])
        assert done.returncode == 0, done.stdout
        assert done.stdout.startswith(f"PASS {operator['id']}: {operator['hex']['elements']} elements"), done.stdout


@needs_verilator
def test_a_bench_passes_in_verilator(tmp_path):
    _, folder = generated(tmp_path, "digits_cnn_int8", "xnnpack")
    bench = "bench_op002_depthwise_conv_2d"
    command = ["verilator", "--binary", "-Wno-fatal", "-O0", "--top-module", bench, f"{bench}.sv", *DESIGN]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    done = subprocess.run([folder / "obj_dir" / f"V{bench}"], cwd=folder, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout
    assert "PASS op002_depthwise_conv_2d" in done.stdout


@needs_icarus
@pytest.mark.parametrize(
    ("runtime", "file", "right", "wrong", "what"),
    [
        ("litert-reference", "qref_mac.sv", "x + input_offset", "x", "acc"),
        ("litert-reference", "qref_requantize.sv", "right, 1'b0", "right, 1'b1", "y"),
        ("litert-optimized", "qref_requantize.sv", "half_up(high, right)", "high >>> right", "y"),
        ("xnnpack", "qref_requantize.sv", "-exponent, to_even", "-exponent, 1'b0", "y"),
        ("xnnpack", "qref_requantize.sv", "with_offset < output_activation_min", "1'b0", "y"),
    ],
)
def test_a_faulty_device_fails(tmp_path, runtime, file, right, wrong, what):
    """Also where it does nothing but round a tie the other way."""
    _, folder = generated(tmp_path, "digits_cnn_int8", runtime)
    text = (folder / file).read_text()
    assert right in text
    (folder / file).write_text(text.replace(right, wrong))
    done = [icarus(folder, bench) for bench in ("op000_conv_2d", "op002_depthwise_conv_2d", "op007_fully_connected")]
    failed = [d for d in done if d.returncode != 0]
    assert failed
    assert all(f"expected {what} " in d.stdout + d.stderr and "PASS" not in d.stdout for d in failed)


def test_a_value_that_a_width_cannot_hold_is_an_error():
    assert words([-(2**15), 2**15 - 1], 16, "x") == "8000\n7fff\n"
    for value in (2**15, -(2**15) - 1):
        with pytest.raises(InputError, match=f"x is {value}, which 16 bits"):
            words([value], 16, "x")
