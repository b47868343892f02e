"""The C library's float32 functions for compiled code: those of qref.arithmetic.libm."""

from __future__ import annotations

import ctypes
import ctypes.util

import llvmlite.binding as llvm
from numba.core import types

_LIBRARY = ctypes.CDLL(ctypes.util.find_library("m"))


def _external(name: str) -> types.ExternalFunction:
    """The function, under a symbol of its own: compilers know what expf is called, and have others of that name."""
    symbol = f"qref_libm_{name}"
    llvm.add_symbol(symbol, ctypes.cast(getattr(_LIBRARY, name), ctypes.c_void_p).value)
    return types.ExternalFunction(symbol, types.float32(types.float32))


expf, tanhf = _external("expf"), _external("tanhf")
