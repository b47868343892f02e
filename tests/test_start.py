"""A process finds kernels compiled by another: it imports no numba, gives the same bits, and no damage to the store stops it."""

from __future__ import annotations

import fcntl
import importlib
import itertools
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numba
import numpy as np
import pytest

import qref.kernels.store as store
from qref.dispatch.program import Call, Program
from qref.kernels import Kernel, _constant
from qref.kernels.compiled import addresses_of, signature
from qref.kernels.cpu import COMPILED, SETTINGS
from qref.kernels.lstm_constants import Constants

needs_jit = pytest.mark.skipif(not COMPILED, reason="without the JIT nothing is compiled")
FOLDER = Path(__file__).parent.parent / "kernels"

# Sums of both outputs of a bundled model: by a new process, and after it has imported numba all the same.
RUN = """
import hashlib, json, sys
import numpy as np
import qref

path = qref.bundled("digits_cnn_int8")
interpreter = qref.Interpreter(path)
interpreter.allocate_tensors()
interpreter.set_tensor(interpreter.get_input_details()[0]["index"], np.load(path.with_suffix(".npz"))["input/0"])

def bits():
    interpreter.invoke()
    values = [interpreter.get_tensor(d["index"]).tobytes() for d in interpreter.get_tensor_details()]
    return hashlib.sha256(b"".join(values)).hexdigest()

first, imported = bits(), "numba" in sys.modules
import numba
numba.njit(lambda n: np.empty(n, np.int64))(3)
print(json.dumps([first, bits(), imported]))
"""


def start(cache: Path) -> subprocess.Popen[str]:
    environment = {**os.environ, "XDG_CACHE_HOME": str(cache)}
    return subprocess.Popen([sys.executable, "-c", RUN], env=environment, stdout=subprocess.PIPE, text=True)


def result(process: subprocess.Popen[str]) -> tuple[str, bool]:
    """The bits that a process gave, and whether it had imported numba."""
    out, _ = process.communicate(timeout=300)
    assert process.returncode == 0
    first, again, imported = json.loads(out)
    assert first == again
    return first, imported


@pytest.fixture(scope="module")
def cold(tmp_path_factory) -> tuple[Path, str]:
    """A store that two processes made at once, and the bits that both gave."""
    cache = tmp_path_factory.mktemp("cache")
    first, second = (result(process) for process in [start(cache) for _ in range(2)])
    assert first == second == (first[0], True)
    return cache, first[0]


def files(cache: Path) -> list[Path]:
    return sorted(cache.glob("qref/compiled/*/*.o"))


@needs_jit
def test_a_warm_process_gives_the_same_bits_without_numba(cold):
    cache, bits = cold
    assert result(start(cache)) == (bits, False)


LOGISTIC = """
import numpy as np
import qref
from qref.schema import GraphBuilder, TensorType

graph = GraphBuilder()
x, y = graph.input("x", TensorType.FLOAT32, (1, 7)), graph.tensor("y", TensorType.FLOAT32, (1, 7))
graph.operator("LOGISTIC", [x], [y])
interpreter = qref.Interpreter(model_content=graph.model(outputs=[y]), runtime="litert-optimized")
interpreter.allocate_tensors()
interpreter.invoke()
print(interpreter.get_tensor(1).tolist())
"""


@needs_jit
def test_functions_of_the_c_library_are_known_to_code_that_numba_kept(tmp_path):
    """Of the kernels that another calls, numba loads what it compiled before, without their files."""
    outputs = []
    for _ in range(2):
        environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path)}
        outputs.append(
            subprocess.run([sys.executable, "-c", LOGISTIC], env=environment, capture_output=True, text=True, check=True)
        )
        for path in files(tmp_path):
            path.unlink()
    assert outputs[0].stdout == outputs[1].stdout == f"{[[0.5] * 7]}\n"


@needs_jit
def test_a_damaged_store_is_made_again(cold):
    cache, bits = cold
    before = {path: path.read_bytes() for path in files(cache)}
    damages = [lambda b: b[: len(b) // 2], lambda b: b"", lambda b: b[:-9] + bytes([b[-9] ^ 1]) + b[-8:]]
    for path, damage in zip(before, itertools.cycle(damages)):
        path.write_bytes(damage(before[path]))
    first, second = list(before)[:2]
    first.write_bytes(before[second])  # whole, but of another name
    assert result(start(cache)) == (bits, True)
    assert result(start(cache)) == (bits, False)


def test_other_settings_of_numba_have_a_store_of_their_own(monkeypatch):
    before = store._fingerprint()
    assert before == store._fingerprint() == store.folder().name
    monkeypatch.setitem(SETTINGS, "NUMBA_BOUNDSCHECK", "1")
    assert store._fingerprint() != before


@needs_jit
def test_a_store_that_cannot_be_written_costs_time_only(cold, tmp_path):
    (tmp_path / "qref").write_text("no folder")
    assert result(start(tmp_path)) == (cold[1], True)


def test_folders_that_nobody_uses_make_place(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    base = tmp_path / "qref" / "compiled"
    old = [base / f"{number:016x}" for number in range(store.KEPT + 2)]
    for number, folder in enumerate(old):
        folder.mkdir(parents=True)
        (folder / "used").touch()
        os.utime(folder / "used", (number, number))
    with open(old[0] / "used") as used:
        fcntl.flock(used, fcntl.LOCK_SH)
        new = store.folder.__wrapped__()
    assert set(base.iterdir()) == {new, old[0], *old[-store.KEPT + 1 :]}


VALUES = [
    *[
        1,
        True,
        1.5,
        np.int64(1),
        np.int32(1),
        np.uint8(1),
        np.float32(1),
        np.float64(1),
        np.bool_(True),
        (1, 2),
        (1, 2.0),
        ((1,), 2),
    ],
    *[np.zeros(3, dtype) for dtype in (np.int8, np.uint8, np.int32, np.float32, bool)],
    *[np.zeros((2, 3), np.int8), np.zeros(7, np.uint8)[1:5].view(np.int32), np.broadcast_to(np.int8(1), ()), (np.zeros(3),) * 2],
    *[Constants(*[np.zeros(2)] * len(Constants._fields)), (np.zeros(2),) * len(Constants._fields)],
]


def test_what_numba_tells_apart_has_another_signature():
    types = {}
    for value in VALUES:
        types.setdefault(signature(value), set()).add(numba.typeof(value))
    assert all(len(each) == 1 for each in types.values())
    assert len(types) >= len({numba.typeof(value) for value in VALUES})


@needs_jit
def test_a_function_that_is_no_kernel_of_qref_is_compiled_and_its_exception_found(monkeypatch):
    @numba.njit
    def fill(x, value):
        if value < 0:
            raise ValueError("negative")
        x[:] = np.full(x.size, value)

    saved = []
    monkeypatch.setattr("qref.kernels.compiled.save", lambda name, _: saved.append(name))
    x = np.zeros(5, np.float32)
    Program([Call(fill, (x, np.float32(2.5)))])()
    np.testing.assert_array_equal(x, np.full(5, 2.5, np.float32))
    with pytest.raises(AssertionError, match=r"fill.* of a program raised"):
        Program([Call(fill, (x, np.float32(-1)))])()
    assert not any("fill" in name for name in saved)


@needs_jit
def test_code_in_llvms_language():
    text = "define i64 @first() {\n  ret i64 7\n}\ndefine i64 @second() {\n  ret i64 8\n}\n"
    first, second = addresses_of(text, "first", "second")
    assert len({0, first, second}) == 3


def test_every_file_of_kernels_takes_numba_from_jit():
    """Which sets it up; and a name of the package stands for a file without importing it."""
    for path in FOLDER.glob("*.py"):
        if path.stem != "jit":
            assert not re.search(r"^import numba", path.read_text(), re.M), f"{path.name}: from .jit import numba"
    code = "from qref.kernels import add, cpu, tile; import sys; print(tile.matmul, cpu.LANES, add.add, 'numba' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split(") ")[-1].endswith("False\n")
    assert str(Kernel("qref.kernels.tile", "matmul")) in done.stdout


@pytest.mark.parametrize("name", ["tile.ROWS", "amx_tiles.VECTORS", "float_tile.ROWS", "denormals.FLUSH"])
def test_constants_are_what_their_files_say(name, tmp_path, monkeypatch):
    """The last is a number of NumPy's, which only its file tells."""
    module, constant = name.split(".")
    real = getattr(importlib.import_module(f"qref.kernels.{module}"), constant)
    monkeypatch.setattr(store, "folder", lambda: tmp_path)
    for _ in range(2):
        found = _constant(f"qref.kernels.{module}", constant)
        assert (found, type(found)) == (real, type(real))
    assert len(list(tmp_path.iterdir())) == (constant != "FLUSH")
