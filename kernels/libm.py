"""The C library's float32 functions for compiled code: those of qref.arithmetic.libm."""

from __future__ import annotations

from typing import Any

import llvmlite.binding as llvm
from numba.core import types

from .symbols import LIBM, address_of


def _external(name: str) -> Any:
    """The function, under a symbol of its own: compilers know what expf is called, and have others of that name."""
    symbol = f"{LIBM}{name}"
    llvm.add_symbol(symbol, address_of(symbol))
    return types.ExternalFunction(symbol, types.float32(types.float32))


expf, expm1f, logf, tanhf = (_external(name) for name in ("expf", "expm1f", "logf", "tanhf"))
