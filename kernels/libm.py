"""The C library's float32 functions for compiled code: those of qref.arithmetic.libm."""

from __future__ import annotations

import ctypes
import ctypes.util
from typing import Any

import llvmlite.binding as llvm
from numba.core import types


def _library() -> ctypes.CDLL:
    """The C math library, under its name on Linux or the one that the system knows."""
    try:
        return ctypes.CDLL("libm.so.6")
    except OSError:
        return ctypes.CDLL(ctypes.util.find_library("m"))


_LIBRARY = _library()


def _external(name: str) -> Any:
    """The function, under a symbol of its own: compilers know what expf is called, and have others of that name."""
    symbol = f"qref_libm_{name}"
    llvm.add_symbol(symbol, ctypes.cast(getattr(_LIBRARY, name), ctypes.c_void_p).value)
    return types.ExternalFunction(symbol, types.float32(types.float32))


expf, expm1f, logf, tanhf = (_external(name) for name in ("expf", "expm1f", "logf", "tanhf"))
