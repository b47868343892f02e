"""The speed: numba kernels; arrays and scalars in, arrays out. Their meaning is in the files of the same name in qref/ops.

To import numba takes longer than most inferences, and more memory. So `from qref.kernels import tile` gives no module but names
of its functions: tile.matmul is a Kernel, which a program finds compiled on disk. Only a call of it, or a constant of the module,
imports the file and numba. What is needed before that is in cpu.py.
"""

from __future__ import annotations

import functools
import importlib
import pathlib
from dataclasses import dataclass
from types import ModuleType
from typing import Any


@dataclass(frozen=True)
class Kernel:
    """A function of a file in this folder; the file is imported when the function itself is needed."""

    module: str
    name: str

    @functools.cached_property
    def function(self) -> Any:
        """What numba makes of it; without the JIT, a Python function."""
        return getattr(importlib.import_module(self.module), self.name)

    @property
    def _numba_type_(self) -> Any:
        from numba.core.types import Dispatcher

        return Dispatcher(self.function)

    def __call__(self, *arguments: Any) -> Any:
        """Call the function itself."""
        return self.function(*arguments)


class _Kernels(ModuleType):
    """Stands for a file of kernels."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or not name.islower():  # a constant or a class, or what Python asks of a module
            return getattr(importlib.import_module(self.__name__), name)
        value = self.__dict__[name] = Kernel(self.__name__, name)
        return value


@functools.cache
def __getattr__(name: str) -> Any:
    if not (pathlib.Path(__file__).parent / f"{name}.py").exists():
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return _Kernels(f"{__name__}.{name}")
