"""Float32 functions of one operand: the C library's, and XNNPACK's polynomials by fused multiply-add, where denormals are zeros.

All write y [n] = f(x [n]). What they compute, and whose rules they are, stands in qref/ops.
"""

from __future__ import annotations

import numpy as np
from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

from . import libm
from .denormals import flush, restore
from .float_elementwise import clamp
from .fused import TINY, fma
from .jit import numba

F = np.float32
BLOCK = 256
LOG2_E, MINUS_LN2 = F(float.fromhex("0x1.715476p0")), F(float.fromhex("-0x1.62E430p-1"))
LN2_REST = F(float.fromhex("0x1.05C610p-29"))
ROOTS_BIAS, ROOT_ONE = F(float.fromhex("0x1.8p18")), F(float.fromhex("0x1.0000F6p0"))
EXP_BIAS, EXP_CUTOFF = F(float.fromhex("0x1.8000FEp23")), F(float.fromhex("-0x1.5D589Ep6"))
LN2_HIGH, LN2_LOW = F(float.fromhex("-0x1.62E400p-1")), F(float.fromhex("-0x1.7F7D1Cp-20"))
EXP_COEFFICIENTS = tuple(
    F(float.fromhex(c)) for c in ("0x1.0F9F9Cp-7", "0x1.573A1Ap-5", "0x1.555A80p-3", "0x1.FFFDC6p-2", "0x1.FFFFF6p-1")
)
TANH_BOUND = F(7.9807181358)
TANH_ABOVE = tuple(F(c) for c in (1.4248920266e-8, 2.1235626264e-5, 3.5330520477e-3, 1.3412411511e-1, 1))
TANH_BELOW = tuple(F(c) for c in (8.1365948290e-7, 3.3472978976e-4, 2.6018999517e-2, 4.6745735407e-1, 1))
EXP_MAGIC, EXP_SCALE = F(12582912), F(8388735)
EXP_ABOVE, EXP_BELOW = (
    tuple(F(float.fromhex(c)) for c in each)
    for each in (("0x1.6ae8e6p-8", "0x1.89daf6p-5", "0x1.62e430p-1"), ("0x1.89034ep-6", "-0x1.1bdd2ap-2", "0x1p0"))
)
ELU_CUTOFF = F(float.fromhex("-0x1.154246p4"))
ELU_COEFFICIENTS = tuple(
    F(float.fromhex(c)) for c in ("0x1.6B7338p-10", "0x1.12278Ep-7", "0x1.555716p-5", "0x1.5554B0p-3", "0x1.FFFFFEp-2")
)
SIXTH = F(float.fromhex("0x1.555556p-3"))


@intrinsic
def bits_of(context, x):
    """The bits of a float32, uint32."""
    return types.uint32(types.float32), lambda context, builder, signature, values: builder.bitcast(values[0], ir.IntType(32))


@intrinsic
def of_bits(context, bits):
    """The float32 of these bits."""
    return types.float32(types.uint32), lambda context, builder, signature, values: builder.bitcast(values[0], ir.FloatType())


@numba.njit(cache=True, nogil=True, inline="always")
def flushed(x):
    """The number, or a zero of its sign in the place of a denormal one."""
    return of_bits(np.uint32(bits_of(x) & np.uint32(1 << 31))) if abs(x) < TINY else x


@numba.njit(cache=True, nogil=True, inline="always")
def horner(x, c):
    """A polynomial of degree 4, its coefficients from the highest power down."""
    return fma(fma(fma(fma(c[0], x, c[1]), x, c[2]), x, c[3]), x, c[4])


@numba.njit(cache=True, nogil=True, inline="always")
def power_of_two(n):
    """2^n of a whole number, -126 to 127; 0 of -127."""
    return of_bits(np.uint32(np.uint32(np.int32(n) + np.int32(127)) << np.uint32(23)))


@numba.njit(cache=True, nogil=True, inline="always")
def exp_of_difference(x):
    """exp(x) of x <= 0, 0 where that is denormal."""
    n = fma(x, LOG2_E, EXP_BIAS)
    scale = of_bits(np.uint32(bits_of(n) << np.uint32(23)))
    n = n - EXP_BIAS
    t = fma(n, LN2_LOW, fma(n, LN2_HIGH, x))
    e = fma(t * scale, horner(t, EXP_COEFFICIENTS), scale)
    return F(0) if x < EXP_CUTOFF else e


@numba.njit(cache=True, nogil=True, error_model="numpy")
def logistic_by_roots(x, roots, y):
    """1 / (1 + exp(-x)) as XNNPACK has it for AVX-512; roots [32]: 2^(i / 32), looked up in a loop that is no vector code."""
    mode = flush(True)
    looked_up = np.empty(BLOCK, np.float32)
    for start in range(0, x.size, BLOCK):
        part, result = x[start : start + BLOCK], y[start : start + BLOCK]
        for i in range(part.size):
            looked_up[i] = roots[bits_of(fma(-abs(part[i]), LOG2_E, ROOTS_BIAS)) & np.uint32(31)]
        for i in range(part.size):
            z, root = -abs(part[i]), looked_up[i]
            n = fma(z, LOG2_E, ROOTS_BIAS) - ROOTS_BIAS
            t = fma(n, LN2_REST, fma(n, MINUS_LN2, z))
            p = fma(t * root, fma(t, F(0.5), ROOT_ONE), root)
            e = p * power_of_two(np.floor(n) if n > F(-127) else F(-127))
            e = F(0) if n == F(-np.inf) else e
            q = e / (e + F(1))
            result[i] = q if bits_of(part[i]) >> np.uint32(31) else F(1) - q
    restore(mode)


@numba.njit(cache=True, nogil=True, error_model="numpy")
def tanh_by_quotient(x, y):
    """Tanh as XNNPACK has it."""
    mode = flush(True)
    for i in range(x.size):
        v = clamp(x[i], -TANH_BOUND, TANH_BOUND)
        square = v * v
        y[i] = v * horner(square, TANH_ABOVE) / horner(square, TANH_BELOW)
    restore(mode)


@numba.njit(cache=True, nogil=True, error_model="numpy")
def logistic(x, y):
    """1 / (1 + exp(-x)) by the C library's exp: 1 above 16.6, exp(x) below -9."""
    for i in range(x.size):
        if x[i] > F(16.619047164916992188):
            y[i] = F(1)
        elif x[i] < F(-9):
            y[i] = libm.expf(x[i])
        else:
            y[i] = F(1) / (F(1) + libm.expf(-x[i]))


@numba.njit(cache=True, nogil=True)
def tanh(x, y):
    """Tanh by the C library."""
    for i in range(x.size):
        y[i] = libm.tanhf(x[i])


@numba.njit(cache=True, nogil=True, error_model="numpy")
def hard_swish(x, y):
    """X * clip(x + 3, 0, 6) / 6."""
    for i in range(x.size):
        y[i] = x[i] * clamp(x[i] + F(3), F(0), F(6)) / F(6)


@numba.njit(cache=True, nogil=True, error_model="numpy")
def exp_by_quotient(x, y):
    """Exp as XNNPACK has it."""
    mode = flush(True)
    for i in range(x.size):
        z = clamp(x[i] * LOG2_E, F(-127), F(128))
        n = (z + EXP_MAGIC) - EXP_MAGIC
        r = z - n
        scale = of_bits(np.uint32(bits_of(n + EXP_SCALE) << np.uint32(23)))
        above = r * fma(fma(EXP_ABOVE[0], r, EXP_ABOVE[1]), r, EXP_ABOVE[2])
        y[i] = scale * (above / fma(fma(EXP_BELOW[0], r, EXP_BELOW[1]), r, EXP_BELOW[2]) + F(1))
    restore(mode)


@numba.njit(cache=True, nogil=True)
def elu_by_polynomial(x, y):
    """ELU as XNNPACK has it for AVX-512."""
    mode = flush(True)
    for i in range(x.size):
        z = ELU_CUTOFF if x[i] < ELU_CUTOFF else x[i]
        n = fma(z, LOG2_E, EXP_BIAS)
        scale = of_bits(np.uint32(bits_of(n) << np.uint32(23)))
        t = fma(n - EXP_BIAS, MINUS_LN2, z)
        p = horner(t, ELU_COEFFICIENTS) * t
        t = t * scale
        y[i] = fma(p, t, t) + (scale - F(1)) if x[i] < F(0) else flushed(x[i])
    restore(mode)


@numba.njit(cache=True, nogil=True)
def hard_swish_fused(x, y):
    """X * clip(x / 6 + 1/2, 0, 1) as XNNPACK has it."""
    mode = flush(True)
    for i in range(x.size):
        y[i] = x[i] * clamp(fma(x[i], SIXTH, F(0.5)), F(0), F(1))
    restore(mode)


@numba.njit(cache=True, nogil=True)
def exp(x, y):
    """Exp by the C library."""
    for i in range(x.size):
        y[i] = libm.expf(x[i])


@numba.njit(cache=True, nogil=True)
def elu(x, y):
    """x, and exp(x) - 1 below zero by the C library."""
    for i in range(x.size):
        y[i] = libm.expm1f(x[i]) if x[i] < 0 else x[i]


@numba.njit(cache=True, nogil=True)
def log(x, y):
    """The natural logarithm by the C library."""
    for i in range(x.size):
        y[i] = libm.logf(x[i])


@numba.njit(cache=True, nogil=True)
def clamped(x, normal, low, high, y):
    """clamp(x); `normal`: denormals are zeros."""
    for i in range(x.size):
        y[i] = clamp(flushed(x[i]) if normal else x[i], low, high)
