"""The C library's float32 functions for compiled code: those of qref.arithmetic.libm."""

from __future__ import annotations

import ctypes
import ctypes.util
from typing import Any

import llvmlite.binding as llvm
from numba.core import types

_LIBRARY = ctypes.CDLL(ctypes.util.find_library("m"))


def _external(name: str) -> Any:
    """The function, under a symbol of its own: compilers know what expf is called, and have others of that name."""
    symbol = f"qref_libm_{name}"
    llvm.add_symbol(symbol, ctypes.cast(getattr(_LIBRARY, name), ctypes.c_void_p).value)
    return types.ExternalFunction(symbol, types.float32(types.float32))


expf, expm1f, logf, tanhf = (_external(name) for name in ("expf", "expm1f", "logf", "tanhf"))
