"""The steps of XNNPACK's functions of float32 numbers: polynomials by fused multiply-add, denormals flushed to zero."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from qref.arithmetic.explanation import Explanation

from .._formulas import Explain, derive_all, derive_polynomial, explain_steps
from . import _functions as f
from ._cpu import has_avx512
from ._rsqrt14 import SLOPES, STARTS


def _single(value: float) -> str:
    return repr(float(np.float32(value)))


_LOG2_E, _MINUS_LN2 = _single(float.fromhex("0x1.715476p0")), _single(float.fromhex("-0x1.62E430p-1"))


def flushing(append: Callable[[Explanation], None]) -> Explain:
    """The explanation of a function of v, x without denormals, that ends in `result`, whose denormals become zeros."""

    def flushed(e: Explanation) -> None:
        e.derive("v", "flush(x)", "denormals count as zeros")
        append(e)
        e.derive("y", "flush(result)", "denormals become zeros")

    return explain_steps(flushed)


def formula(text: str) -> Explain:
    """The explanation of a function of v that one formula gives."""
    return flushing(lambda e: derive_all(e, [("result", text, "")]))


def _quotient(e: Explanation, x: str, numerator: Iterable[float], denominator: Iterable[float]) -> None:
    """Append quotient = polynomial times x over polynomial, both in the square of x."""
    e.derive("square", f"float32({x} * {x})")
    derive_polynomial(e, "above", "square", numerator)
    derive_polynomial(e, "denominator", "square", denominator)
    e.derive("numerator", f"float32({x} * above)")
    e.derive("quotient", "float32(numerator / denominator)")


@flushing
def tanh(e: Explanation) -> None:
    """A quotient of two polynomials, constant beyond 7.98."""
    bound = _single(7.9807181358)
    e.derive("bounded", f"clamp(v, -{bound}, {bound})")
    above = (1.4248920266e-8, 2.1235626264e-5, 3.5330520477e-3, 1.3412411511e-1, 1)
    _quotient(e, "bounded", above, (8.1365948290e-7, 3.3472978976e-4, 2.6018999517e-2, 4.6745735407e-1, 1))
    e.derive("result", "quotient")


def _gelu(bound: float, above: tuple[float, ...], below: tuple[float, ...]) -> Explain:
    def append(e: Explanation) -> None:
        e.derive("bounded", f"clamp(v, -{_single(bound)}, {_single(bound)})")
        _quotient(e, "bounded", above, below)
        e.derive("half", "float32(v * 0.5)")
        e.derive("result", "float32(half * float32(quotient + 1))")

    return flushing(append)


gelu = _gelu(
    5.1638283730,
    (4.5835321316e-8, 1.2609783880e-5, 3.2973114867e-4, 9.3065137044e-3, 6.6972173750e-2, 7.9788452387e-1),
    (1.1988805682e-6, 7.2267655923e-5, 1.8622842617e-3, 2.8431978077e-2, 2.5060352683e-1, 1.0),
)
gelu_approximate = _gelu(
    4.84974098,
    (4.9544411240e-8, 1.4302649106e-5, 2.6887017884e-4, 7.2898347862e-3, 6.0803253204e-2, 7.9788458347e-1),
    (1.3433452750e-6, 7.6477612311e-5, 1.3060354395e-3, 2.4381054565e-2, 2.4369759858e-1, 1.0),
)


@flushing
def exp(e: Explanation) -> None:
    """e^x = 2^n 2^r, 2^r by a quotient of polynomials."""
    e.derive("z", f"clamp(float32(v * {_LOG2_E}), -127, 128)", "x / ln 2")
    e.derive("n", "round_half_even(z)")
    e.derive("r", "float32(z - n)", "exact")
    e.derive("scale", "0.0 if n < -126 else 2.0**n if n < 128 else divide(1, 0)", "2^n as bits of an exponent make it")
    derive_polynomial(e, "above", "r", map(float.fromhex, ("0x1.6ae8e6p-8", "0x1.89daf6p-5", "0x1.62e430p-1")))
    derive_polynomial(e, "denominator", "r", map(float.fromhex, ("0x1.89034ep-6", "-0x1.1bdd2ap-2", "0x1p0")))
    e.derive("numerator", "float32(r * above)")
    e.derive("quotient", "float32(numerator / denominator)", "2^r - 1")
    e.derive("result", "float32(scale * float32(quotient + 1))")


@flushing
def log(e: Explanation) -> None:
    """Ln x = E ln 2 + ln m, ln m by a quotient of polynomials; -inf at 0, NaN below."""
    e.derive("z", f"flush(float32(v * {_single(1.4142134190)}))", "so that m lies around 1")
    z = e.value("z")
    if z != z or z <= 0 or z == float("inf"):
        e.derive("result", "z if z > 0 else divide(-1, 0) if z == 0 else divide(0, 0)", "there is no finite logarithm")
        return
    e.derive("exponent", "exponent_of(z)")
    e.derive("mantissa", "z / 2.0**exponent", "in [1, 2)")
    e.derive("m", f"float32(float32(mantissa * {_single(7.0710688829e-1)}) - 1)")
    derive_polynomial(e, "above", "m", (1.824996918440e-1, 1, 1))
    derive_polynomial(e, "denominator", "m", (0.049584995955, 0.599170029163, 1.5, 1))
    e.derive("numerator", "float32(m * above)")
    e.derive("quotient", "float32(numerator / denominator)", "ln (1 + m)")
    e.derive("result", f"fma(exponent, {_single(0.69314718055994531)}, quotient)")


def _exp_of_negative(e: Explanation) -> None:
    """Append e = exp(z) of z <= 0, 0 where it is denormal."""
    cutoff, bias = _single(float.fromhex("-0x1.5D589Ep6")), _single(float.fromhex("0x1.8000FEp23"))
    e.derive("biased", f"fma(z, {_LOG2_E}, {bias})", "the sum with so great a number rounds z / ln 2 to an integer")
    e.derive("n", f"biased - {bias}")
    e.derive("scale", "2.0**n")
    e.derive("t", f"fma(n, {_MINUS_LN2}, z)", "z - n ln 2")
    derive_polynomial(e, "polynomial", "t", f.EXP_COEFFICIENTS)
    e.derive("t_scaled", "flush(float32(t * scale))")
    e.derive("e", f"0.0 if z < {cutoff} else flush(fma(t_scaled, polynomial, scale))", "2^n exp(t)")


def _exp_in_32nds(e: Explanation) -> None:
    """Append e = exp(z) of z <= 0: n in steps of 1/32, whose fraction is looked up."""
    bias = _single(float.fromhex("0x1.8p18"))
    e.derive("biased", f"fma(z, {_LOG2_E}, {bias})", "the sum with so great a number rounds z / ln 2 to a multiple of 1/32")
    e.derive("n", f"biased - {bias}")
    if e.value("n") != e.value("n") or e.value("n") == -float("inf"):
        e.derive("e", "0.0 if n < 0 else n")
        return
    e.derive("entry", "int_of(n * 32) % 32")
    e.given("root", f.ROOTS[e.value("entry")], "2^(entry / 32), from a table")
    e.derive("t_high", f"fma(n, {_MINUS_LN2}, z)")
    e.derive("t", f"fma(n, {_single(float.fromhex('0x1.05C610p-29'))}, t_high)", "z - n ln 2")
    e.derive("polynomial", f"fma(t, 0.5, {_single(float.fromhex('0x1.0000F6p0'))})")
    e.derive("mantissa", "fma(float32(t * root), polynomial, root)", "2^(entry / 32) exp(t)")
    e.derive("e", "flush(float32(mantissa * 2.0**clamp(floor(n), -1000, 0)))")


@flushing
def logistic(e: Explanation) -> None:
    """E / (1 + e), e = exp(-|x|); above zero what it lacks to 1."""
    e.derive("z", "-abs(v)")
    (_exp_in_32nds if has_avx512() else _exp_of_negative)(e)
    e.derive("total", "float32(e + 1)")
    e.derive("of_negative", "flush(float32(divide(e, total)))")
    e.derive("result", "of_negative if v < 0 else float32(1 - of_negative)")


@flushing
def elu(e: Explanation) -> None:
    """x, and exp(x) - 1 below zero."""
    if not e.value("v") < 0:
        e.derive("result", "v")
        return
    e.derive("z", f"max({_single(float.fromhex('-0x1.154246p4'))}, v)")
    (_elu_avx512 if has_avx512() else _elu_avx2)(e)
    e.derive("product", "flush(float32(polynomial * t))")
    e.derive("t_scaled", "flush(float32(t * scale))")
    e.derive("difference", "float32(scale - 1)")
    e.derive("result", "float32(fma(product, t_scaled, t_scaled) + difference)")


def _elu_avx512(e: Explanation) -> None:
    bias = _single(float.fromhex("0x1.8000FEp23"))
    e.derive("biased", f"fma(z, {_LOG2_E}, {bias})", "the sum with so great a number rounds z / ln 2 to an integer")
    e.derive("n", f"biased - {bias}")
    e.derive("scale", "2.0**n")
    e.derive("t", f"fma(n, {_MINUS_LN2}, z)", "z - n ln 2")
    coefficients = ("0x1.6B7338p-10", "0x1.12278Ep-7", "0x1.555716p-5", "0x1.5554B0p-3", "0x1.FFFFFEp-2")
    derive_polynomial(e, "polynomial", "t", map(float.fromhex, coefficients))


def _elu_avx2(e: Explanation) -> None:
    bias, roots = _single(float.fromhex("0x1.8p21")), ("0x1p0", "0x1.306FE0p0", "0x1.6A09E6p0", "0x1.AE89FAp0")
    e.derive("biased", f"fma(z, {_LOG2_E}, {bias})", "the sum with so great a number rounds z / ln 2 to a multiple of 1/4")
    e.derive("n", f"biased - {bias}")
    e.derive("entry", "int_of(n * 4) % 4")
    e.given("root", float.fromhex(roots[e.value("entry")]), "2^(entry / 4), from a table")
    e.derive("scale", "root * 2.0**floor(n)")
    e.derive("t", f"fma(n, {_MINUS_LN2}, z)", "z - n ln 2")
    derive_polynomial(e, "polynomial", "t", map(float.fromhex, ("0x1.554F9Ap-5", "0x1.557082p-3", "0x1.000002p-1")))


@flushing
def hard_swish(e: Explanation) -> None:
    """X * clip(x / 6 + 1/2, 0, 1)."""
    e.derive("sixth", f"fma(v, {_single(float.fromhex('0x1.555556p-3'))}, 0.5)")
    e.derive("bounded", "clamp(sixth, 0.0, 1.0)")
    e.derive("result", "float32(v * bounded)")


def _sine(e: Explanation, start: str) -> None:
    """Append the sine of v, or of pi / 2 - v, by a quotient of polynomials within +- pi / 2."""
    pi = _single(3.1415927)
    e.derive("n", f"round_half_even(float32(v * {_single(0.15915494)}))", "whole turns")
    e.derive("turned_high", "fma(-n, 6.28125, v)")
    e.derive("turned", f"fma(-n, {_single(1.9353072e-3)}, turned_high)", "v without them")
    e.derive("start", start)
    e.derive("below", f"min(start, float32({pi} - start))", "reflected at pi / 2")
    e.derive("above_least", f"max(below, float32(-{pi} - below))", "and at -pi / 2")
    e.derive("angle", f"min(above_least, float32({pi} - above_least))")
    _quotient(e, "angle", (3.2340581529e-3, -1.3314664364e-1, 1), (4.8770775902e-4, 3.3519912511e-2, 1))
    e.derive("result", "quotient")


@flushing
def sin(e: Explanation) -> None:
    """Sin x."""
    _sine(e, "turned")


@flushing
def cos(e: Explanation) -> None:
    """Cos x = sin(pi / 2 - x)."""
    _sine(e, f"float32(float32({_single(1.5707963705)} - turned) + {_single(-4.3711388e-8)})")


def _newton(e: Explanation) -> None:
    """Append approximation and one step of Newton's method to 1 / sqrt(v) of v > 0: the CPU's 14 bits, then `inverse`."""
    e.derive("exponent", "exponent_of(v)")
    e.derive("mantissa", "int_of(v / 2.0**exponent * 2**23) - 2**23", "23 bits behind the point")
    if e.value("exponent") % 2 == 0 and e.value("mantissa") == 0:
        e.derive("half", "1.0", "a power of 4 has an exact root")
    else:
        e.derive("piece", "mantissa // 2**18", "of 32 straight pieces")
        at = e.value("exponent") % 2, e.value("piece")
        e.given("piece_start", STARTS[at], "of the piece, in the CPU's table for even or odd exponents")
        e.given("slope", SLOPES[at], "of the piece")
        e.derive("along", "mantissa // 2**8 % 2**10", "how far into the piece")
        e.derive("steps", "(128 * piece_start - slope * along) // 2**9", "rounded down")
        e.derive("half", "0.5 + steps * 2.0**-17")
    e.derive("approximation", "half * 2.0 ** -(exponent // 2)", "to 14 bits")
    e.derive("square", "flush(float32(approximation * approximation))")
    e.derive("error", "float32(float32(v * square) - 1)")
    e.derive("correction", "float32(float32(0.5 * approximation) * error)")
    e.derive("inverse", "float32(approximation - correction)")


@flushing
def sqrt(e: Explanation) -> None:
    """The square root as x times its reciprocal square root."""
    if 0 < e.value("v") < float("inf"):
        _newton(e)
        e.derive("result", "float32(v * inverse)")
    else:
        e.derive("result", "v if v >= 0 else divide(0, 0)")


@flushing
def rsqrt(e: Explanation) -> None:
    """The reciprocal square root; NaN at zero, as its step gives it."""
    if 0 < e.value("v") < float("inf"):
        _newton(e)
        e.derive("result", "inverse")
    else:
        e.derive("result", "0.0 if v > 0 else divide(0, 0)")
