"""The C library's float functions, element by element.

Compiled kernels call libm, and its float32 functions and NumPy's own differ in the last bit, so a bit-exact engine has to call
libm too. Each function here is a NumPy ufunc around the library's: those whose names end in f take and return float32 arrays,
the others float64. Overflow and invalid arguments give infinities and NaN without a warning, as in C. Square roots are NumPy's,
since IEEE 754 fixes them. The last bits of all others depend on the library; LiteRT's results were compared under glibc.

>>> expf(np.float32([0, 1, 100]))
array([1.       , 2.7182817,       inf], dtype=float32)
"""

from __future__ import annotations

import ctypes
import ctypes.util
import importlib
from collections.abc import Callable

import numpy as np

# NumPy's table of C functions for extension modules: the constructor of ufuncs, and the loops that call a C function per element.
# Every compiled extension relies on these positions, so they are stable.
_FROM_FUNCTION = 1
_LOOPS = {"ff": 6, "dd": 5, "fff": 14, "ddd": 15}
_CONSTRUCTOR = ctypes.PYFUNCTYPE(
    ctypes.py_object, *[ctypes.c_void_p] * 2, ctypes.c_char_p, *[ctypes.c_int] * 4, *[ctypes.c_char_p] * 2, ctypes.c_int
)


def _numpy_table() -> ctypes.Array:
    capsule = importlib.import_module("numpy._core._multiarray_umath")._UFUNC_API
    pointer_of = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.py_object, ctypes.c_char_p)(("PyCapsule_GetPointer", ctypes.pythonapi))
    return (ctypes.c_void_p * (max(_LOOPS.values()) + 1)).from_address(pointer_of(capsule, None))


def _library() -> ctypes.CDLL:
    """The C math library, under its name on Linux or the one that the system knows."""
    try:
        return ctypes.CDLL("libm.so.6")
    except OSError:
        name = ctypes.util.find_library("m")
    if name is None:
        raise OSError("the C math library was not found, neither as libm.so.6 nor by ctypes.util.find_library('m')")
    return ctypes.CDLL(name)


_TABLE = _numpy_table()
_LIBRARY = _library()
_KEPT: list[tuple] = []  # what the ufuncs point to and do not own


def _ufunc(name: str, types: str) -> Callable[..., np.ndarray]:
    """A ufunc that calls the library's function; types has one character, f or d, for each argument and the result."""
    function = ctypes.cast(getattr(_LIBRARY, name), ctypes.c_void_p)
    loops = (ctypes.c_void_p * 1)(_TABLE[_LOOPS[types]])
    data = (ctypes.c_void_p * 1)(function.value)
    type_numbers = bytes(np.dtype(character).num for character in types)
    label = name.encode()
    _KEPT.append((loops, data, type_numbers, label))
    construct = _CONSTRUCTOR(_TABLE[_FROM_FUNCTION])
    no_identity, unused = -1, 0
    ufunc = construct(loops, data, type_numbers, 1, len(types) - 1, 1, no_identity, label, label, unused)
    return np.errstate(all="ignore")(ufunc)


expf = _ufunc("expf", "ff")
expm1f = _ufunc("expm1f", "ff")
logf = _ufunc("logf", "ff")
log1pf = _ufunc("log1pf", "ff")
tanhf = _ufunc("tanhf", "ff")
erff = _ufunc("erff", "ff")
erfcf = _ufunc("erfcf", "ff")
sinf = _ufunc("sinf", "ff")
cosf = _ufunc("cosf", "ff")
powf = _ufunc("powf", "fff")
atan2f = _ufunc("atan2f", "fff")
exp = _ufunc("exp", "dd")
log = _ufunc("log", "dd")
pow = _ufunc("pow", "ddd")
atan2 = _ufunc("atan2", "ddd")
