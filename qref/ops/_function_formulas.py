"""Formulas of the functions of one number that LiteRT takes from the C library, and from Eigen's vector code on SSE.

Each ends in y, for x of the type T. Eigen's steps are rounded one by one, with no fused multiply-add.
"""

from __future__ import annotations

import math

import numpy as np

from qref.arithmetic.explanation import Explanation

from ._formulas import Formula, derive_all, derive_polynomial

Formulas = tuple[Formula, ...]


def _single(value: float) -> str:
    return repr(float(np.float32(value)))


EXP: Formulas = (("y", "expf(x)", "the C library's function"),)
LOG: Formulas = (("y", "logf(x)", "the C library's function"),)
SIN: Formulas = (("y", "T(sinf(x))", "the C library's function"),)
COS: Formulas = (("y", "T(cosf(x))", "the C library's function"),)
TANH: Formulas = (("y", "T(tanhf(x))", "the C library's function"),)
ELU: Formulas = (("y", "expm1f(x) if x < 0 else x", "below zero the C library's function"),)
SQUARE: Formulas = (("y", "float32(x * x)", ""),)
SQRT: Formulas = (("y", "sqrt(x)", "the nearest float32 number"),)
RSQRT: Formulas = (("root", "sqrt(x)", "the nearest float32 number"), ("y", "float32(divide(1, root))", ""))
FLOOR: Formulas = (("y", "copysign(floor(x), x)", "zeros keep the sign"),)
CEIL: Formulas = (("y", "copysign(-floor(-x), x)", "zeros take the sign"),)
ROUND: Formulas = (("y", "round_half_even(x) if x else x", "a zero keeps its sign"),)
LOGISTIC_OF_TABLE: Formulas = (
    ("e", "expf(-x)", "the C library's function"),
    ("total", "float32(1 + e)", ""),
    ("y", "float32(divide(1, total))", ""),
)
LOGISTIC: Formulas = (
    ("e", "expf(x if x < -9 else -x)", "the C library's function"),
    ("total", "float32(1 + e)", ""),
    ("y", "T(1.0 if x > 16.619047164916992 else e if x < -9 else divide(1, total))", "1 above, exp(x) below"),
)
LOGISTIC_IN_FLOAT64: Formulas = (
    ("e", "exp(clamp(x, -101.0, 101.0))", "the C library's function in float64"),
    ("y", "1.0 if x > 100 else 0.0 if x < -100 else float32(e / (1 + e))", ""),
)
HARD_SWISH: Formulas = (
    ("above", "float32(x + 3)", ""),
    ("relu6", "clamp(above, 0.0, 6.0)", ""),
    ("product", "float32(x * relu6)", ""),
    ("y", "float32(product / 6)", ""),
)
HARD_SWISH_PACKET: Formulas = (
    *HARD_SWISH[:2],
    ("sixth", f"float32(x * {_single(1 / 6)})", "a factor, no division"),
    ("y", "float32(sixth * relu6)", ""),
)
HARD_SWISH_TAIL: Formulas = (*HARD_SWISH[:3], ("y", f"float32(product * {_single(1 / 6)})", "a factor, no division"))
GELU_OF_TABLE: Formulas = (
    ("inner", f"float32(x * {_single(-math.sqrt(0.5))})", ""),
    ("erfc", "erfcf(inner)", "the C library's function"),
    ("half", "float32(0.5 * x)", ""),
    ("y", "float32(half * erfc)", ""),
)
GELU_APPROXIMATE_OF_TABLE: Formulas = (
    ("linear", f"float32({_single(0.044715)} * x)", ""),
    ("square", "float32(linear * x)", ""),
    ("cube", "float32(square * x)", ""),
    ("inner", "float32(x + cube)", ""),
    ("scaled_inner", f"float32({_single(math.sqrt(2 / math.pi))} * inner)", ""),
    ("tanh", "tanhf(scaled_inner)", "the C library's function"),
    ("twice", "float32(1 + tanh)", ""),
    ("half", "float32(0.5 * x)", ""),
    ("y", "float32(half * twice)", ""),
)
GELU_FLOAT16: Formulas = (
    ("inner", f"float16(x * float16({_single(-math.sqrt(0.5))}))", "every step is rounded to float16"),
    ("erfc", "float16(erfcf(inner))", "the C library's function"),
    ("half", "float16(0.5 * x)", ""),
    ("y", "float16(half * erfc)", ""),
)
GELU_APPROXIMATE_FLOAT16: Formulas = (
    ("square", "float16(x * x)", "every step is rounded to float16"),
    ("cube", "float16(x * square)", ""),
    ("cubic", f"float16(float16({_single(0.044715)}) * cube)", ""),
    ("inner", "float16(x + cubic)", ""),
    ("scaled_inner", f"float16(float16({_single(math.sqrt(2 / math.pi))}) * inner)", ""),
    ("tanh", "float16(tanhf(scaled_inner))", "the C library's function"),
    ("twice", "float16(1 + tanh)", ""),
    ("half", "float16(0.5 * x)", ""),
    ("y", "float16(half * twice)", ""),
)


def log_or(lowest: np.floating) -> Formulas:
    """LOG, and lowest where there is none."""
    return (("y", f"logf(x) if x > 0 else {float(lowest)!r}", "the least output where there is no logarithm"),)


def rsqrt_or(highest: np.floating) -> Formulas:
    """RSQRT, and highest where there is none."""
    return (
        ("root", "sqrt(x if x > 0 else 1.0)", "the nearest float32 number"),
        ("y", f"float32(1 / root) if x > 0 else {float(highest)!r}", "the greatest output where there is no root"),
    )


_EXP_EVEN = tuple(float.fromhex(c) for c in ("0x1.6850e4p-10", "0x1.555b98p-5", "0x1.fffff8p-2"))
_EXP_ODD = tuple(float.fromhex(c) for c in ("0x1.123bccp-7", "0x1.55548ep-3"))


def eigen_exp(e: Explanation, x: str, y: str, even=_EXP_EVEN, odd=_EXP_ODD) -> None:
    """Eigen's exponential of the step x: x = m ln 2 + r, and a polynomial in r split into even and odd powers."""
    e.derive("in_octaves", f"float32({x} * {_single(1.44269504088896341)})", "x / ln 2")
    e.derive("m", "floor(float32(in_octaves + 0.5))", "the power of 2")
    e.derive("r_high", f"float32(float32(m * -0.693359375) + {x})", "x - m ln 2, the greater part of ln 2")
    e.derive("r", f"float32(float32(m * {_single(2.12194440e-4)}) + r_high)", "and the lesser part")
    e.derive("r_square", "float32(r * r)")
    derive_polynomial(e, "even", "r_square", even, fused=False)
    derive_polynomial(e, "odd", "r_square", odd, fused=False)
    e.derive("both", "float32(float32(r * odd) + even)")
    e.derive("mantissa", "float32(float32(r_square * both) + float32(r + 1))", "exp(r)")
    e.derive(y, "float32(mantissa * 2.0**m)", "exp(x) = 2^m exp(r)")


def eigen_logistic(e: Explanation) -> None:
    """LOGISTIC in a packet: exp(x / 2)^2 over one more than itself."""
    e.derive("bounded", f"min(x, {_single(16.6355324)})")
    e.derive("half", "float32(bounded * 0.5)")
    even, odd = (
        (4.1898667812347412109375e-2, 0.49999141693115234375),
        (8.33471305668354034423828125e-3, 0.16666877269744873046875),
    )
    eigen_exp(e, "half", "root", even, odd)
    e.derive("e", "float32(root * root)")
    e.derive("total", "float32(1 + e)")
    e.derive("y", "0.0 if x < -104 else float32(divide(e, total))")


def eigen_logistic_tail(e: Explanation) -> None:
    """LOGISTIC behind the last packet."""
    e.derive("e", f"expf(min(x, {_single(16.6355324)}))", "the C library's function")
    e.derive("total", "float32(1 + e)")
    e.derive("y", "float32(divide(e, total))")


def eigen_tanh(e: Explanation, x: str = "x", y: str = "y") -> None:
    """TANH: a quotient of two polynomials, constant beyond 7.9."""
    bound = _single(7.90738964080810547)
    e.derive("bounded", f"clamp({x}, -{bound}, {bound})")
    e.derive("square", "float32(bounded * bounded)")
    derive_polynomial(e, "above", "square", (1.394553628e-8, 2.102733560e-5, 3.520756727e-3, 1.340216100e-1), fused=False)
    e.derive("product", "float32(float32(square * bounded) * above)")
    e.derive("numerator", "float32(product + bounded)")
    below = (8.015776984e-7, 3.326951409e-4, 2.597254514e-2, 4.673548340e-1, 1.0)
    derive_polynomial(e, "denominator", "square", below, fused=False)
    e.derive(y, "float32(numerator / denominator)")


def eigen_gelu_approximate(e: Explanation) -> None:
    """GELU with `approximate`: the probability by a tanh."""
    e.derive("x_cube", "float32(x * float32(x * x))")
    e.derive("inner", f"float32(x + float32({_single(0.044715)} * x_cube))")
    e.derive("scaled_inner", f"float32({_single(math.sqrt(2 / math.pi))} * inner)")
    eigen_tanh(e, "scaled_inner", "tanh")
    e.derive("twice", "float32(1 + tanh)")
    e.derive("half", "float32(0.5 * x)")
    e.derive("y", "float32(half * twice)")


_NEAR = ("0x1.268bd4p-11", "-0x1.42082ap-8", "0x1.b59370p-6", "-0x1.ce077cp-4", "0x1.812660p-2", "-0x1.20dd74p0")
_ABOVE = ("0x1.a21fdcp-4", "0x1.b781f4p-2", "0x1.4b8fd0p-2", "0x1.ba2370p-5")
_BELOW = ("0x1.1aa6c8p-6", "0x1.90c3bap-2", "0x1p0", "0x1.3e53b6p-1", "0x1.87d5c8p-4")


def eigen_gelu(e: Explanation) -> None:
    """GELU in a packet: (x / 2) * erfc(-x / sqrt 2)."""
    _gelu(e, in_packet=True)


def eigen_gelu_tail(e: Explanation) -> None:
    """GELU behind the last packet."""
    _gelu(e, in_packet=False)


def _gelu(e: Explanation, *, in_packet: bool) -> None:
    e.derive("inner", f"clamp(float32(x * {_single(-math.sqrt(0.5))}), -11.0, 11.0)")
    e.derive("square", "float32(inner * inner)")
    if e.value("square") > 1:
        _erfc_far(e, in_packet=in_packet)
    else:
        derive_polynomial(e, "near", "square", map(float.fromhex, _NEAR), fused=False)
        e.derive("erfc", "float32(float32(inner * near) + 1)")
    e.derive("half", "float32(0.5 * x)")
    e.derive("y", "float32(half * erfc)")


def _erfc_far(e: Explanation, *, in_packet: bool) -> None:
    e.derive("minus_square", "-square")
    if in_packet:
        eigen_exp(e, "minus_square", "e")
    else:
        e.derive("e", "expf(minus_square)", "the C library's function")
    formulas = (
        ("shifted", "float32(inner * 4097)", "inner is split into halves of 12 bits"),
        ("high", "float32(float32(inner - shifted) + shifted)", ""),
        ("low", "float32(inner - high)", ""),
        ("cross", "float32(high * low)", ""),
        ("lost_high", "float32(float32(high * high) - square)", ""),
        ("lost_cross", "float32(float32(lost_high + cross) + cross)", ""),
        ("lost", "float32(lost_cross + float32(low * low))", "what the square lost in rounding"),
        ("corrected", "float32(e - float32(e * lost))", ""),
        ("inverse", "float32(1 / square)", ""),
    )
    derive_all(e, formulas)
    derive_polynomial(e, "above", "inverse", map(float.fromhex, _ABOVE), fused=False)
    derive_polynomial(e, "below", "inverse", map(float.fromhex, _BELOW), fused=False)
    e.derive("quotient", "float32(above / float32(inner * below))")
    e.derive("erfc", "float32(float32(corrected * quotient) + (2 if inner < 0 else 0))")
