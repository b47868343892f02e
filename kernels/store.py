"""Compiled code on disk, in a folder for these sources of the kernels, this CPU, and these versions and settings of numba.

The folder is below XDG_CACHE_HOME or ~/.cache. When a new one is made, those are removed that no process uses and that were
used longest ago. A disk that is full or cannot be written costs time, and nothing else.
"""

from __future__ import annotations

import contextlib
import fcntl
import functools
import hashlib
import importlib.util
import os
import pathlib
import shutil
import sys
import tempfile
from typing import IO

import llvmlite.binding as llvm

import qref.kernels.cpu as cpu

KEPT = 8  # folders
DIGEST_BYTES = 32


def load(name: str) -> bytes | None:
    """What was saved by that name; None if nothing was or it is damaged."""
    try:
        content = _path(name).read_bytes()
    except OSError:
        return None
    digest, content = content[:DIGEST_BYTES], content[DIGEST_BYTES:]
    return content if digest == _digest(name, content) else None


def save(name: str, content: bytes) -> None:
    """Save, if that is possible, so that other processes find the whole or nothing."""
    temporary = None
    try:
        with tempfile.NamedTemporaryFile(dir=folder(), delete=False) as file:
            temporary = pathlib.Path(file.name)
            file.write(_digest(name, content) + content)
        temporary.replace(_path(name))
    except OSError:
        if temporary is not None:
            with contextlib.suppress(OSError):
                temporary.unlink()


def _path(name: str) -> pathlib.Path:
    return folder() / f"{hashlib.sha256(name.encode()).hexdigest()[:32]}.o"


def _digest(name: str, content: bytes) -> bytes:
    return hashlib.sha256(name.encode() + b"\n" + content).digest()


@functools.cache
def folder() -> pathlib.Path:
    """Where this process finds and saves compiled code; nobody removes it while the process lives."""
    base = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "qref" / "compiled"
    path = base / _fingerprint()
    new = not path.exists()
    with contextlib.suppress(OSError):
        _locks.append(_use(path))
        if new:
            _remove_unused(base)
    return path


_locks: list[IO[bytes]] = []


def _fingerprint() -> str:
    """A hash of all that compiled code depends on."""
    sources = sorted(pathlib.Path(__file__).parent.glob("*.py"))
    versions = [path for name in ("numba", "llvmlite") for path in folder_of(name).glob("_version.py")]
    texts = [path.read_bytes() for path in (*sources, *versions)]
    machine = llvm.get_process_triple(), llvm.get_host_cpu_features().flatten(), sys.implementation.cache_tag
    settings = [(name, value) for name, value in sorted(vars(cpu).items()) if name.isupper()]
    return hashlib.sha256(repr((texts, machine, settings)).encode()).hexdigest()[:16]


def folder_of(package: str) -> pathlib.Path:
    """Where a package is installed, without importing it."""
    spec = importlib.util.find_spec(package)
    assert spec is not None, f"{package} is not installed"
    return pathlib.Path(str(spec.origin)).parent


def _use(path: pathlib.Path) -> IO[bytes]:
    """Make a folder and lock it for as long as the file given is open; any number of processes can."""
    while True:
        path.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(OSError):  # of another user, or read only
            (path / "used").touch()
        lock = open(path / "used", "rb")  # noqa: SIM115
        fcntl.flock(lock, fcntl.LOCK_SH)
        if os.fstat(lock.fileno()).st_nlink:
            return lock
        lock.close()  # removed in the meantime


def _remove_unused(base: pathlib.Path) -> None:
    """Remove all folders but the KEPT last used, and those that a process uses."""
    for used in sorted(base.glob("*/used"), key=lambda path: path.stat().st_mtime)[:-KEPT]:
        with contextlib.suppress(OSError), open(used, "rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(used.parent)
