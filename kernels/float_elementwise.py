"""Float32 operators element by element; `flushed`: denormals are zeros, as in XNNPACK."""

from __future__ import annotations

from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

from .denormals import flush, restore
from .jit import numba
from .vector import call

FUNCTIONS = {
    "add": ir.IRBuilder.fadd,
    "subtract": ir.IRBuilder.fsub,
    "multiply": ir.IRBuilder.fmul,
    "divide": ir.IRBuilder.fdiv,
    "squared difference": lambda builder, a, b: builder.fmul(*[builder.fsub(a, b)] * 2),
}
NAMES = tuple(FUNCTIONS)


def _intrinsic(name: str):
    return lambda builder, a: call(builder, f"llvm.{name}.f32", a.type, a)


FUNCTIONS_OF_ONE = {
    "square": lambda builder, a: builder.fmul(a, a),
    "negative": ir.IRBuilder.fneg,
    "zero minus": lambda builder, a: builder.fsub(a.type(0.0), a),
    **{name: _intrinsic(name) for name in ("fabs", "sqrt", "floor", "ceil", "rint")},
}


NAMES_OF_ONE = tuple(FUNCTIONS_OF_ONE)


@intrinsic
def _apply_to_one(context, function, a):
    chosen = list(FUNCTIONS_OF_ONE.values())[len(function) - 1]
    kind = types.float32
    return kind(function, kind), lambda context, builder, signature, values: chosen(builder, values[1])


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


@numba.njit(cache=True, nogil=True)
def unary(x, function, flushed, y):
    """Write y [n] = function(x [n]); function: as `binary`, in FUNCTIONS_OF_ONE."""
    mode = flush(flushed)
    for i in range(x.size):
        y[i] = _apply_to_one(function, x[i])
    restore(mode)


@numba.njit(cache=True, nogil=True)
def slope_unless_positive(x, slope, y):
    """Write y [n] = x > 0 ? x : x * slope."""
    for i in range(x.size):
        y[i] = x[i] if x[i] > 0 else x[i] * slope


@numba.njit(cache=True, nogil=True)
def slope_below_zero(x, slope, y):
    """Write y [n] = x < 0 ? x * slope : x, denormals being zeros for the comparison and the product."""
    mode = flush(True)
    for i in range(x.size):
        y[i] = x[i] * slope if x[i] < 0 else x[i]
    restore(mode)
