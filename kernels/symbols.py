"""Functions that compiled kernels call and do not hold, by their symbols: numba's own, and those of the C library.

numba's are in two of its extension modules, which can be loaded without the rest of it. The C library's have symbols of our
own, see libm.py.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import functools
import sys
from importlib.machinery import PathFinder
from importlib.util import module_from_spec, spec_from_file_location
from typing import Any

from .store import folder_of

LIBM, FUNCTIONS_OF_LIBM = "qref_libm_", ("expf", "expm1f", "logf", "tanhf")
_NUMBA = {"numba._helperlib": "numba_", "numba.core.runtime._nrt_python": "NRT_"}  # and before the names of what is in them


def address_of(symbol: str) -> int | None:
    """Where a function is in any process; None for other symbols."""
    if symbol.startswith(LIBM):
        return ctypes.cast(getattr(_libm(), symbol.removeprefix(LIBM)), ctypes.c_void_p).value
    return _of_numba().get(symbol)


@functools.cache
def _libm() -> ctypes.CDLL:
    try:
        return ctypes.CDLL("libm.so.6")
    except OSError:
        return ctypes.CDLL(ctypes.util.find_library("m"))


@functools.cache
def _of_numba() -> dict[str, int]:
    addresses: dict[str, int] = {}
    for name, prefix in _NUMBA.items():
        module = sys.modules.get(name) or _extension(name)
        addresses |= {symbol if symbol.startswith("_") else prefix + symbol: a for symbol, a in module.c_helpers.items()}
    return addresses


def _extension(name: str) -> Any:
    """An extension module of a package that is not imported."""
    package, *folders, last = name.split(".")
    found = PathFinder.find_spec(last, [str(folder_of(package).joinpath(*folders))])
    assert found is not None, f"{name} is not installed"
    spec = spec_from_file_location(name, str(found.origin))
    module = module_from_spec(spec)  # type: ignore[arg-type]
    spec.loader.exec_module(module)  # type: ignore[union-attr]
    sys.modules.pop(name, None)  # numba imports it its own way
    return module
