"""XNNPACK's functions of float32 numbers: polynomials and quotients of them, by fused multiply-add, denormals flushed to zero.

Source: XNNPACK, src/f32-v*; constants as in the wheel's kernels for AVX-512 and for AVX2 with FMA.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np

from qref.arithmetic.fused import flush_denormals, flushed_product, fma, horner

from ._rsqrt14 import rsqrt14

Function = Callable[[np.ndarray], np.ndarray]

_ONE, _HALF, _ZERO = np.float32(1), np.float32(0.5), np.float32(0)
_LOG2_E = np.float32(float.fromhex("0x1.715476p0"))
_MINUS_LN2 = np.float32(float.fromhex("-0x1.62E430p-1"))


def flushing(function: Function) -> Function:
    """The function of inputs whose denormals count as zeros, with results whose denormals become zeros."""

    @functools.wraps(function)
    def flushed(x: np.ndarray) -> np.ndarray:
        return flush_denormals(function(flush_denormals(x)))

    return flushed


def _reals(*values: str) -> tuple[float, ...]:
    return tuple(float.fromhex(value) for value in values)


def power_of_two(n: np.ndarray) -> np.ndarray:
    """2^n as kernels make it of a float32 that ends in n: the low bits of the sum with a magic bias become the exponent."""
    return (n.view(np.uint32) << np.uint32(23)).view(np.float32)


EXP_COEFFICIENTS = _reals("0x1.0F9F9Cp-7", "0x1.573A1Ap-5", "0x1.555A80p-3", "0x1.FFFDC6p-2", "0x1.FFFFF6p-1")
_EXP_BIAS = np.float32(float.fromhex("0x1.8000FEp23"))
_EXP_CUTOFF = np.float32(float.fromhex("-0x1.5D589Ep6"))
_LN2_HIGH, _LN2_LOW = (np.float32(value) for value in _reals("-0x1.62E400p-1", "-0x1.7F7D1Cp-20"))


def _exp(x: np.ndarray, *minus_ln2: np.float32) -> np.ndarray:
    """exp(x) of x <= 0; 0 where it is denormal. The constants sum up to -ln 2."""
    n = fma(x, _LOG2_E, _EXP_BIAS)
    scale = power_of_two(n)
    n = n - _EXP_BIAS
    t = x
    for part in minus_ln2:
        t = fma(n, part, t)
    polynomial = horner(t, *EXP_COEFFICIENTS)
    e = flush_denormals(fma(flush_denormals(t * scale), polynomial, scale))
    return np.where(x < _EXP_CUTOFF, _ZERO, e)


def exp_of_difference(x: np.ndarray) -> np.ndarray:
    """exp(x) of x <= 0, in SOFTMAX."""
    return _exp(x, _LN2_HIGH, _LN2_LOW)


@flushing
def logistic_avx2(x: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(-x)) on AVX2."""
    e = _exp(-np.abs(x), _MINUS_LN2)
    y = flush_denormals(e / (e + _ONE))
    return np.where(np.signbit(x), y, _ONE - y)


ROOTS = np.array(
    _reals(
        *("0x1.000000p0", "0x1.059B0Ep0", "0x1.0B5586p0", "0x1.11301Ep0", "0x1.172B84p0", "0x1.1D4874p0", "0x1.2387A6p0"),
        *("0x1.29E9E0p0", "0x1.306FE0p0", "0x1.371A74p0", "0x1.3DEA64p0", "0x1.44E086p0", "0x1.4BFDAEp0", "0x1.5342B6p0"),
        *("0x1.5AB07Ep0", "0x1.6247ECp0", "0x1.6A09E6p0", "0x1.71F75Ep0", "0x1.7A1148p0", "0x1.82589Ap0", "0x1.8ACE54p0"),
        *("0x1.93737Cp0", "0x1.9C4918p0", "0x1.A5503Cp0", "0x1.AE89FAp0", "0x1.B7F770p0", "0x1.C199BEp0", "0x1.CB720Ep0"),
        *("0x1.D5818Ep0", "0x1.DFC974p0", "0x1.EA4AFAp0", "0x1.F50766p0"),
    ),
    np.float32,
)  # 2^(i / 32)
_ROOTS_BIAS = np.float32(float.fromhex("0x1.8p18"))


@flushing
def logistic_avx512(x: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(-x)) on AVX-512: n in steps of 1/32, whose fraction is looked up."""
    z = -np.abs(x)
    n = fma(z, _LOG2_E, _ROOTS_BIAS)
    root = ROOTS[n.view(np.uint32) & 31]
    n = n - _ROOTS_BIAS
    t = fma(n, np.float32(float.fromhex("0x1.05C610p-29")), fma(n, _MINUS_LN2, z))
    polynomial = fma(t, _HALF, np.float32(float.fromhex("0x1.0000F6p0")))
    polynomial = fma(t * root, polynomial, root)
    exponent = np.clip(np.floor(n), -1000, 0).astype(np.int32)
    e = np.where(np.isneginf(n), _ZERO, flush_denormals(np.ldexp(polynomial, exponent)))
    y = flush_denormals(e / (e + _ONE))
    return np.where(np.signbit(x), y, _ONE - y)


@flushing
def tanh(x: np.ndarray) -> np.ndarray:
    """A quotient of two polynomials, constant beyond 7.98."""
    x = np.clip(x, np.float32(-7.9807181358), np.float32(7.9807181358))
    square = x * x
    numerator = x * horner(square, 1.4248920266e-8, 2.1235626264e-5, 3.5330520477e-3, 1.3412411511e-1, 1)
    return numerator / horner(square, 8.1365948290e-7, 3.3472978976e-4, 2.6018999517e-2, 4.6745735407e-1, 1)


def _gelu(x: np.ndarray, bound: float, numerator: tuple[float, ...], denominator: tuple[float, ...]) -> np.ndarray:
    """X / 2 times 1 + erf, of which the quotient of polynomials is an approximation up to the bound."""
    bounded = np.clip(x, np.float32(-bound), np.float32(bound))
    square = bounded * bounded
    return (x * _HALF) * (bounded * horner(square, *numerator) / horner(square, *denominator) + _ONE)


@flushing
def gelu(x: np.ndarray) -> np.ndarray:
    """X times the normal distribution's probability below x."""
    above = (4.5835321316e-8, 1.2609783880e-5, 3.2973114867e-4, 9.3065137044e-3, 6.6972173750e-2, 7.9788452387e-1)
    below = (1.1988805682e-6, 7.2267655923e-5, 1.8622842617e-3, 2.8431978077e-2, 2.5060352683e-1, 1.0)
    return _gelu(x, 5.1638283730, above, below)


@flushing
def gelu_approximate(x: np.ndarray) -> np.ndarray:
    """GELU with `approximate`."""
    above = (4.9544411240e-8, 1.4302649106e-5, 2.6887017884e-4, 7.2898347862e-3, 6.0803253204e-2, 7.9788458347e-1)
    below = (1.3433452750e-6, 7.6477612311e-5, 1.3060354395e-3, 2.4381054565e-2, 2.4369759858e-1, 1.0)
    return _gelu(x, 4.84974098, above, below)


@flushing
def exp(x: np.ndarray) -> np.ndarray:
    """e^x = 2^n 2^r, 2^r by a quotient of polynomials."""
    magic = np.float32(12582912)
    z = np.clip(x * _LOG2_E, np.float32(-127), np.float32(128))
    n = (z + magic) - magic
    r = z - n
    scale = power_of_two(n + np.float32(8388735))
    numerator = r * horner(r, *_reals("0x1.6ae8e6p-8", "0x1.89daf6p-5", "0x1.62e430p-1"))
    return scale * (numerator / horner(r, *_reals("0x1.89034ep-6", "-0x1.1bdd2ap-2", "0x1p0")) + _ONE)


@flushing
def log(x: np.ndarray) -> np.ndarray:
    """Ln x = E ln 2 + ln m, ln m by a quotient of polynomials; -inf at 0, NaN below."""
    x = flush_denormals(x * np.float32(1.4142134190))
    bits = x.view(np.uint32)
    exponent = ((bits >> np.uint32(23)).astype(np.int32) - 127).astype(np.float32)
    exponent = np.where(x == 0, np.float32(-np.inf), np.where(x < 0, np.float32(np.nan), exponent))
    exponent = np.where(np.isposinf(x), np.float32(np.inf), exponent)
    mantissa = (bits & np.uint32(0x7FFFFF) | np.uint32(0x3F800000)).view(np.float32)
    m = mantissa * np.float32(7.0710688829e-1) - _ONE
    numerator = m * horner(m, 1.824996918440e-1, 1, 1)
    denominator = horner(m, 0.049584995955, 0.599170029163, 1.5, 1)
    return fma(exponent, np.float32(0.69314718055994531), numerator / denominator)


_ELU_CUTOFF = np.float32(float.fromhex("-0x1.154246p4"))


@flushing
def elu_avx2(x: np.ndarray) -> np.ndarray:
    """x, and exp(x) - 1 below zero, on AVX2: n in steps of 1/4, whose fraction is looked up."""
    bias = np.float32(float.fromhex("0x1.8p21"))
    table = np.array(_reals("0x1p0", "0x1.F06FE0p-1", "0x1.EA09E6p-1", "0x1.EE89FAp-1"), np.float32).view(np.uint32)
    z = np.maximum(_ELU_CUTOFF, x)
    n = fma(z, _LOG2_E, bias)
    bits = n.view(np.uint32)
    scale = ((bits << np.uint32(21)) + table[bits & 3]).view(np.float32)
    t = fma(n - bias, _MINUS_LN2, z)
    polynomial = horner(t, *_reals("0x1.554F9Ap-5", "0x1.557082p-3", "0x1.000002p-1"))
    return np.where(np.signbit(x), _finish_elu(t, polynomial, scale), x)


@flushing
def elu_avx512(x: np.ndarray) -> np.ndarray:
    """x, and exp(x) - 1 below zero, on AVX-512."""
    z = np.maximum(_ELU_CUTOFF, x)
    n = fma(z, _LOG2_E, _EXP_BIAS)
    t = fma(n - _EXP_BIAS, _MINUS_LN2, z)
    coefficients = ("0x1.6B7338p-10", "0x1.12278Ep-7", "0x1.555716p-5", "0x1.5554B0p-3", "0x1.FFFFFEp-2")
    return np.where(x < 0, _finish_elu(t, horner(t, *_reals(*coefficients)), power_of_two(n)), x)


def _finish_elu(t: np.ndarray, polynomial: np.ndarray, scale: np.ndarray) -> np.ndarray:
    polynomial, t = flush_denormals(polynomial * t), flush_denormals(t * scale)
    return fma(polynomial, t, t) + (scale - _ONE)


@flushing
def hard_swish(x: np.ndarray) -> np.ndarray:
    """X * clip(x / 6 + 1/2, 0, 1)."""
    return x * np.clip(fma(x, np.float32(float.fromhex("0x1.555556p-3")), _HALF), _ZERO, _ONE)


@flushing
def negative(x: np.ndarray) -> np.ndarray:
    """0 - x, which never is -0."""
    return _ZERO - x


@flushing
def square(x: np.ndarray) -> np.ndarray:
    """X * x."""
    return flushed_product(x, x)


_PI = np.float32(3.1415927)


def _reduce_by_two_pi(x: np.ndarray) -> np.ndarray:
    n = np.rint(x * np.float32(0.15915494))
    return fma(-n, np.float32(1.9353072e-3), fma(-n, np.float32(6.28125), x))


def _sine_within_pi(x: np.ndarray) -> np.ndarray:
    x = np.minimum(x, _PI - x)
    x = np.maximum(x, -_PI - x)
    x = np.minimum(x, _PI - x)
    square = x * x
    numerator = x * horner(square, 3.2340581529e-3, -1.3314664364e-1, 1)
    return numerator / horner(square, 4.8770775902e-4, 3.3519912511e-2, 1)


@flushing
def sin(x: np.ndarray) -> np.ndarray:
    """Sin x, by a quotient of polynomials within +- pi / 2."""
    return _sine_within_pi(_reduce_by_two_pi(x))


@flushing
def cos(x: np.ndarray) -> np.ndarray:
    """Cos x = sin(pi / 2 - x)."""
    return _sine_within_pi((np.float32(1.5707963705) - _reduce_by_two_pi(x)) + np.float32(-4.3711388e-8))


def _newton(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """One step towards 1 / sqrt(x): y - (y / 2) * (x * (y * y) - 1)."""
    return y - (_HALF * y) * (x * flush_denormals(y * y) - _ONE)


@flushing
def sqrt_avx512(x: np.ndarray) -> np.ndarray:
    """The square root as x times its reciprocal square root."""
    y = np.where(x == 0, _ZERO, _newton(x, rsqrt14(x)))
    return np.where(np.isposinf(x), x, x * y)


@flushing
def rsqrt_avx512(x: np.ndarray) -> np.ndarray:
    """The reciprocal square root; NaN at zero, as its step gives it."""
    return np.where(np.isposinf(x), _ZERO, _newton(x, rsqrt14(x)))
