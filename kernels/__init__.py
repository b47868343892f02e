"""The speed: numba kernels; arrays and scalars in, arrays out. Their meaning is in the files of the same name in qref/ops.

To import numba takes longer than most inferences, and more memory. So `from qref.kernels import tile` gives no module but names
of what is in it: tile.matmul is a Kernel, which a program finds compiled on disk, and tile.ROWS a constant, which is kept there
too once it was asked for. Only a call of a Kernel, or what is neither, imports the file and numba.
"""

from __future__ import annotations

import ast
import contextlib
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
        """How numba takes it in another kernel, which has `from . import` its file."""
        import numba

        return self.function if isinstance(self.function, numba.types.Type) else numba.typeof(self.function)

    def __str__(self) -> str:
        return f"{self.module.rpartition('.')[2]}.{self.name}"

    def __call__(self, *arguments: Any) -> Any:
        """Call the function itself."""
        return self.function(*arguments)


class _Kernels(ModuleType):
    """Stands for a file of kernels."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(f"{self.__name__} has no {name} for others")
        value = self.__dict__[name] = Kernel(self.__name__, name) if name.islower() else _constant(self.__name__, name)
        return value


def _constant(module: str, name: str) -> Any:
    """A constant of a file, from the store if Python can read there what it is."""
    from .store import load, save

    saved = load(f"{module}.{name}")
    if saved is not None:
        return ast.literal_eval(saved.decode())
    value = getattr(importlib.import_module(module), name)
    with contextlib.suppress(ValueError, SyntaxError):
        ast.literal_eval(repr(value))
        save(f"{module}.{name}", repr(value).encode())
    return value


@functools.cache
def __getattr__(name: str) -> Any:
    if not (pathlib.Path(__file__).parent / f"{name}.py").exists():
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return _Kernels(f"{__name__}.{name}")
