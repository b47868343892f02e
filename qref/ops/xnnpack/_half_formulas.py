"""The steps of XNNPACK's functions on float16 tensors, every one rounded to float16 but for those of LOGISTIC."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from qref.arithmetic.explanation import Explanation

from .._formulas import Explain, derive_polynomial, explain_steps
from . import _half as f


def _half(value: float) -> str:
    return repr(float(np.float16(np.float32(value))))


def _polynomial(e: Explanation, name: str, x: str, coefficients: Iterable[float]) -> None:
    """Append Horner's rule by fused multiply-add, the coefficients rounded to float16."""
    value, *others = map(_half, coefficients)
    for position, c in enumerate(others, 1):
        step = name if position == len(others) else f"{name}{position}"
        value = e.derive(step, f"float16({x} * {value} + {c})", f"a polynomial in {x}, Horner's rule")


def _quotient(e: Explanation, x: str, above: Iterable[float], below: Iterable[float], divide: bool) -> None:
    """Append quotient = polynomial times x over polynomial, both in the square of x."""
    e.derive("square", f"float16({x} * {x})", "every step is rounded to float16")
    _polynomial(e, "above", "square", above)
    e.derive("numerator", f"float16({x} * above)")
    _polynomial(e, "denominator", "square", below)
    if divide:
        e.derive("quotient", "float16(numerator / denominator)")
        return
    e.derive("exponent", "exponent_of(denominator)")
    e.derive("mantissa", "int_of((denominator / 2.0**exponent - 1) * 1024)", "10 bits behind the point")
    correction = (e.value("mantissa") in f.RECIPROCALS_ABOVE) - (e.value("mantissa") in f.RECIPROCALS_BELOW)
    e.given("correction", correction, "by which the CPU's table differs from the nearest reciprocal")
    e.derive("steps", "round_half_even(2048 / (1 + mantissa / 1024)) + correction", "of 2^-11")
    e.derive("reciprocal", "steps / 2048 / 2.0**exponent", "of the denominator")
    e.derive("quotient", "float16(numerator * reciprocal)")


def _tanh(e: Explanation) -> None:
    """A quotient of two polynomials, constant beyond 4.5."""
    e.derive("bounded", f"clamp(x, -{f.TANH_LIMIT}, {f.TANH_LIMIT})")
    _quotient(e, "bounded", f.TANH_ABOVE, f.TANH_BELOW, divide=False)
    e.derive("y", "quotient")


def _gelu(limit: float, above: Iterable[float], below: Iterable[float], divide: bool) -> Explain:
    def append(e: Explanation) -> None:
        e.derive("bounded", f"clamp(x, -{_half(limit)}, {_half(limit)})")
        _quotient(e, "bounded", above, below, divide)
        e.derive("half", "float16(x * 0.5)")
        e.derive("y", "float16(half * float16(quotient + 1))")

    return explain_steps(append)


def _turned(e: Explanation, factor: float, high: float, low: float, quarters: int) -> int:
    """Append angle; returns the low bits of the number of turns."""
    e.derive("biased", f"float16(float16(x * {factor}) + 1536)", "so great a sum is an integer")
    e.derive("count", "float16(biased - 1536)", "how often to turn back")
    e.derive("angle_high", f"float16(x - count * {high})")
    e.derive("angle", f"float16(angle_high - count * {_half(low)})", "x without the turns")
    e.derive("turns", f"float16(biased + {quarters})")
    bits = int(np.float16(e.value("turns")).view(np.uint16)) & 3
    e.given("bits", bits, "the last two of the float16 number of turns")
    return bits


def _sine(e: Explanation, angle: str) -> None:
    """Append y, the sine of an angle of at most a quarter turn."""
    e.derive("square", f"float16({angle} * {angle})")
    _polynomial(e, "polynomial", "square", f.SINE)
    e.derive("y", f"float16({angle} * polynomial)")


def _sin(e: Explanation) -> None:
    """Sin x."""
    _turned(e, f.INVERSE_PI, f.PI_HIGH, f.PI_LOW, 0)
    _sine(e, e.derive("signed", "-angle if bits % 2 else angle", "its sign turned after an odd number of half turns"))


def _cos(e: Explanation) -> None:
    """Cos x = sin(x + pi / 2)."""
    _turned(e, f.TWO_OVER_PI, f.HALF_PI_HIGH, f.HALF_PI_LOW, 1)
    e.derive("folded", f"float16({f.HALF_PI_HIGH} - abs(angle)) if bits % 2 else angle", "what it lacks to a quarter turn")
    _sine(e, e.derive("signed", "-folded if bits >= 2 else folded"))


def derive_exp(e: Explanation, x: str) -> str:
    """Append exp(x) of x <= 0, in float32."""
    log2_e, minus_ln2, magic, cutoff = (float(c) for c in (f.LOG2_E, f.MINUS_LN2, f.MAGIC, f.EXP_CUTOFF))
    if e.value(x) < cutoff:
        return e.derive("exp", f"0.0 if {x} < {cutoff} else 1.0", "which is 0 in float16")
    e.derive("biased", f"fma({x}, {log2_e}, {magic})", f"the sum with so great a number rounds {x} / ln 2 to an integer")
    e.derive("n", f"biased - {magic}")
    e.derive("t", f"fma(n, {minus_ln2}, {x})", f"{x} - n ln 2")
    derive_polynomial(e, "polynomial", "t", f.EXP)
    return e.derive("exp", "fma(float32(t * 2.0**n), polynomial, 2.0**n)", "2^n exp(t)")


def _logistic(e: Explanation) -> None:
    """E / (1 + e), e = exp(-|x|), in float32; above zero what it lacks to 1."""
    e.derive("z", "-abs(x)")
    derive_exp(e, "z")
    e.derive("total", "float32(exp + 1)")
    e.derive("exponent", "exponent_of(total)")
    e.derive("interval", "floor((total / 2.0**exponent - 1) * 2048)", "of 2048 between powers of two")
    e.derive("steps", "round_half_even(8192 / (1 + (interval + 0.5) / 2048))", "of 2^-13: the reciprocal of its middle")
    e.derive("reciprocal", "steps / 8192 / 2.0**exponent", "of the total, as the CPU's table has it")
    e.derive("below", "float32(exp * reciprocal)")
    e.derive("y", "float16(below if copysign(1, x) < 0 else float32(1 - below))")


tanh, sin, cos, logistic = (explain_steps(append) for append in (_tanh, _sin, _cos, _logistic))
gelu = _gelu(f.GELU_LIMIT, f.GELU_ABOVE, f.GELU_BELOW, divide=True)
gelu_approximate = _gelu(f.APPROXIMATE_LIMIT, f.APPROXIMATE_ABOVE, f.APPROXIMATE_BELOW, divide=False)
