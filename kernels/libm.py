"""The C library's float32 functions for compiled code: those of qref.arithmetic.libm."""

from __future__ import annotations

from typing import Any

from numba.core import types

from .symbols import FUNCTIONS_OF_LIBM, LIBM


def _external(name: str) -> Any:
    """The function, under a symbol of its own: compilers know what expf is called, and have others of that name."""
    return types.ExternalFunction(f"{LIBM}{name}", types.float32(types.float32))


expf, expm1f, logf, tanhf = map(_external, FUNCTIONS_OF_LIBM)
