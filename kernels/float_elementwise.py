"""Float32 operators element by element; `flushed`: denormals are zeros, as in XNNPACK."""

from __future__ import annotations

from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

from .denormals import flush, restore
from .jit import numba


def _select(comparison: str):
    return lambda builder, a, b: builder.select(builder.fcmp_ordered(comparison, a, b), a, b)


FUNCTIONS = {
    "add": ir.IRBuilder.fadd,
    "subtract": ir.IRBuilder.fsub,
    "multiply": ir.IRBuilder.fmul,
    "divide": ir.IRBuilder.fdiv,
    "greater": _select(">"),
    "less": _select("<"),
    "squared difference": lambda builder, a, b: builder.fmul(*[builder.fsub(a, b)] * 2),
}
NAMES = tuple(FUNCTIONS)


@intrinsic
def _apply(context, function, a, b):
    chosen = list(FUNCTIONS.values())[len(function) - 1]
    kind = types.float32
    return kind(function, kind, kind), lambda context, builder, signature, values: chosen(builder, *values[1:])


@numba.njit(cache=True, nogil=True, inline="always")
def clamp(value, low, high):
    """The value within the limits; NaN stays, and -0 where a limit is 0."""
    value = low if value < low else value
    return high if high < value else value


@numba.njit(cache=True, nogil=True)
def binary(x1, x2, function, flushed, low, high, y):
    """Write y [rows, columns] = clamp(function(x1, x2)), each operand of all rows and columns, or of one.

    function  a tuple as long as the function's place in NAMES, from 1 on: known when this is compiled
    """
    mode = flush(flushed)
    for row in range(y.shape[0]):
        a, b = x1[min(row, x1.shape[0] - 1)], x2[min(row, x2.shape[0] - 1)]
        if a.size == b.size:
            for i in range(y.shape[1]):
                y[row, i] = clamp(_apply(function, a[i], b[i]), low, high)
        elif a.size == 1:
            for i in range(y.shape[1]):
                y[row, i] = clamp(_apply(function, a[0], b[i]), low, high)
        else:
            for i in range(y.shape[1]):
                y[row, i] = clamp(_apply(function, a[i], b[0]), low, high)
    restore(mode)
