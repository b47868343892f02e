"""A kernel library as an oracle: in a process of its own with a time limit, since libraries abort on some files."""

from __future__ import annotations

import contextlib
import importlib.util
import pathlib
import pickle
import queue
import signal
import struct
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from types import TracebackType
from typing import IO, Any, ClassVar, Self

import numpy as np

from qref.errors import BackendError, InputError

Round = dict[int, np.ndarray]


class Oracle:
    """A library's process, started when first asked and again after it died. Use it as a context manager.

    kernel_set  one of the library's KERNEL_SETS
    timeout     seconds for one model
    """

    NAME: ClassVar[str]
    MODULE: ClassVar[str]  # what has to be importable
    EXTRA: ClassVar[str]  # the extra of this package that installs it
    KERNEL_SETS: ClassVar[tuple[str, ...]]

    def __init__(self, kernel_set: str, timeout: float = 300.0):
        if kernel_set not in self.KERNEL_SETS:
            raise InputError(f"unknown kernel set {kernel_set!r}; {self.NAME} has {', '.join(self.KERNEL_SETS)}")
        if not self.is_installed():
            raise BackendError(f"{self.NAME} is not installed; install it with: pip install 'qref-tflite[{self.EXTRA}]'")
        self.kernel_set, self.timeout = kernel_set, timeout
        self._process: subprocess.Popen[bytes] | None = None
        self._messages: IO[bytes] | None = None

    @classmethod
    def is_installed(cls) -> bool:
        """Whether the library is on this machine."""
        return importlib.util.find_spec(cls.MODULE) is not None

    def run(self, model: bytes, rounds: Sequence[Round], keep_all: bool = True) -> list[Round]:
        """The tensors of a model, by index, after each round of inputs, by position.

        keep_all  all that operators write, else only the graph's outputs
        Raises BackendError where the library refuses the model, aborts or does not answer in time.
        """
        process = self._start()
        payload = pickle.dumps((bytes(model), self.kernel_set, list(rounds), keep_all), protocol=5)
        with contextlib.suppress(OSError):  # it died: the missing answer says so
            process.stdin.write(struct.pack("<Q", len(payload)) + payload)  # type: ignore[union-attr]
            process.stdin.flush()  # type: ignore[union-attr]
        status, result = self._answer(process)
        if status != "ok":
            raise BackendError(f"{self.NAME} refused the model: {result}")
        return result

    def _answer(self, process: subprocess.Popen[bytes]) -> tuple[str, Any]:
        answers: queue.Queue[bytes] = queue.Queue()

        def read() -> None:
            header = process.stdout.read(8)  # type: ignore[union-attr]
            answers.put(process.stdout.read(struct.unpack("<Q", header)[0]) if len(header) == 8 else b"")  # type: ignore[union-attr]

        threading.Thread(target=read, daemon=True).start()
        try:
            payload = answers.get(timeout=self.timeout)
        except queue.Empty:
            self.close()
            raise BackendError(f"{self.NAME} did not answer within {self.timeout:g} s") from None
        if not payload:
            raise BackendError(f"{self.NAME} died: {self._cause_of_death(process)}")
        return pickle.loads(payload)

    def _cause_of_death(self, process: subprocess.Popen[bytes]) -> str:
        code = process.wait()
        self._messages.seek(0)  # type: ignore[union-attr]
        last = self._messages.read().decode(errors="replace").strip().splitlines()[-1:]  # type: ignore[union-attr]
        self.close()
        how = signal.Signals(-code).name if code < 0 else f"exit status {code}"
        return f"{how}{': ' + last[0] if last else ''}"

    def _start(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            worker = pathlib.Path(__file__).with_name("oracle_worker.py")
            self._messages = tempfile.TemporaryFile()  # noqa: SIM115  (open as long as the process)
            self._process = subprocess.Popen(
                [sys.executable, str(worker)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._messages
            )
        return self._process

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            for stream in (self._process.stdin, self._process.stdout, self._messages):
                with contextlib.suppress(OSError):  # unsent bytes to a process that is gone
                    stream.close()  # type: ignore[union-attr]
        self._process = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self.close()
