"""Explanations: one number of a result, step by step, every step an expression over the steps before it.

A step is *given* (a value of a tensor, a constant of the plan) or *derived*: its value is what its formula gives for the values
of earlier steps, which the formula calls by name. So whoever has the printed steps can compute each of them again. A value is an
integer, a float or text, or a tuple of numbers, the taps of a sum for instance; formulas work on tuples element by element.

    >>> e = Explanation()
    >>> e.given("x", (3, 5), "stored values")
    'x'
    >>> e.given("input_offset", -1, "minus the zero point")
    'input_offset'
    >>> e.derive("acc", "sum(x + input_offset)")
    'acc'
    >>> e[-1].value
    6

Formulas are expressions of Python over numbers, names and the functions of VOCABULARY.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from types import CodeType
from typing import Any

import numpy as np

from . import libm

Number = int | float
Value = Number | str | tuple[Number, ...]


@dataclass(frozen=True, slots=True)
class Step:
    """One step: `name` is what later formulas call it, `formula` is empty where it is given, `meaning` says it in words."""

    name: str
    value: Value
    formula: str = ""
    meaning: str = ""


class Explanation(list[Step]):
    """Steps in the order in which they are computed; the last one is the result. Names are identifiers and occur once."""

    def given(self, name: str, value: Any, meaning: str = "") -> str:
        """Append a value from outside; returns its name. Tuples and arrays become tuples of Python numbers."""
        self._append(Step(name, _plain(value), "", meaning))
        return name

    def derive(self, name: str, formula: str, meaning: str = "") -> str:
        """Append what the formula gives for the values of the steps so far; returns its name."""
        self._append(Step(name, evaluate(formula, {step.name: step.value for step in self}), formula, meaning))
        return name

    def value(self, name: str) -> Any:
        """The value of the step of that name."""
        return next(step.value for step in self if step.name == name)

    def _append(self, step: Step) -> None:
        assert step.name.isidentifier(), f"{step.name!r} is no name"
        assert all(step.name != earlier.name for earlier in self), f"two steps are called {step.name!r}"
        self.append(step)


def evaluate(formula: str, values: dict[str, Value]) -> Value:
    """The value of a formula for these values of its names.

    >>> evaluate("ties_up(acc, 2**2)", {"acc": 6})
    2
    """
    code = _compiled(formula)
    used = {name: values[name] for name in code.co_names if name in values}
    names = {name: np.array(value, object) if isinstance(value, tuple) else value for name, value in used.items()}
    with np.errstate(all="ignore"):
        return _plain(eval(code, {"__builtins__": {}, **VOCABULARY}, names))


@cache
def _compiled(formula: str) -> CodeType:
    return compile(formula, "<formula>", "eval")


def _plain(value: Any) -> Value:
    if isinstance(value, np.ndarray | tuple | list):
        return tuple(_plain(v) for v in (value.ravel() if isinstance(value, np.ndarray) else value))  # type: ignore[misc]
    if isinstance(value, np.generic):
        return value.item()
    return int(value) if isinstance(value, bool) else value


def wrap(x: int, bits: int) -> int:
    """A two's complement number of so many bits."""
    half = 1 << (bits - 1)
    return (x + half) % (2 * half) - half


def clamp(x: Number, low: Number, high: Number) -> Number:
    """The nearest number that is neither below `low` nor above `high`."""
    return low if x < low else high if x > high else x


def ties_up(numerator: int, denominator: int) -> int:
    """The quotient of two integers, to nearest, ties up: floor(n / d + 1/2)."""
    return (2 * numerator + denominator) // (2 * denominator)


def ties_away(numerator: int, denominator: int) -> int:
    """The quotient of two integers, to nearest, ties away from zero."""
    nearest = (2 * abs(numerator) + denominator) // (2 * denominator)
    return nearest if numerator >= 0 else -nearest


def toward_zero(numerator: int, denominator: int) -> int:
    """The quotient of two integers, rounded toward zero, as C divides."""
    quotient = abs(numerator) // abs(denominator)
    return quotient if (numerator >= 0) == (denominator > 0) else -quotient


def round_half_away(x: float) -> int:
    """A real number to the nearest integer, ties away from zero."""
    nearest = math.trunc(x)
    return nearest + int(math.copysign(1, x)) if abs(x - nearest) >= 0.5 else nearest


def round_half_even(x: float) -> int:
    """A real number to the nearest integer, ties to even."""
    return round(x)


def trunc(x: float) -> int:
    """A real number without its fraction."""
    return math.trunc(x)


def floor(x: float) -> int:
    """The greatest integer that is not above a real number."""
    return math.floor(x)


def float32(x: Number) -> float:
    """The float32 number nearest to x, ties to even."""
    return float(np.float32(x))


def float16(x: Number) -> float:
    """The float16 number nearest to x, ties to even."""
    return float(np.float16(x))


def div32(a: float, b: float) -> float:
    """The float32 number nearest to a / b, for two float32 numbers; by zero infinite or NaN."""
    return float(np.float32(a) / np.float32(b))


def flush_denormals(x: float) -> float:
    """A float32 number, or the zero of its sign where it is a denormal."""
    return math.copysign(0.0, x) if abs(x) < 2.0**-126 else x


def copysign(x: float, sign: float) -> float:
    """The number x with the sign of another, of a zero too."""
    return math.copysign(x, sign)


def cast_int32(x: float) -> int:
    """A real number without its fraction in 32 bits; -2^31 for NaN and for what does not fit, as x86 has it."""
    return int(x) if -(2.0**31) - 1 < x < 2.0**31 else -(2**31)


def where(condition: int, a: Number, b: Number) -> Number:
    """Either a, where the condition is not 0, or b."""
    return a if condition else b


def fma(a: float, b: float, c: float) -> float:
    """The float32 number nearest to a * b + c, rounded once."""
    if not all(map(math.isfinite, (a, b, c))):
        return float(np.float32(a) * np.float32(b) + np.float32(c))
    exact = Fraction(a) * Fraction(b) + Fraction(c)
    return nearest_float32(exact) if exact else float(np.float32(a * b + c))


def nearest_float32(exact: Fraction) -> float:
    """The float32 number nearest to a fraction, ties to even."""
    if exact == 0:
        return 0.0
    exponent = exact.numerator.bit_length() - exact.denominator.bit_length()
    exponent -= abs(exact) < Fraction(2) ** exponent
    step = Fraction(2) ** (max(exponent, -126) - 23)
    return float(np.float32(float(round(exact / step) * step)))


def sqrt(x: float) -> float:
    """The float32 number nearest to the square root of a float32 number."""
    return float(np.sqrt(np.float32(x)))


def joined(*parts: Any) -> np.ndarray:
    """One tuple of numbers and tuples, in that order."""
    return np.array([number for part in parts for number in np.ravel(np.array(part, object))], object)


def cumsum(x: np.ndarray) -> np.ndarray:
    """The sums of the first elements of a tuple: of one, of two, ..."""
    return np.cumsum(x) if len(x) else x


def cumsum32(x: Sequence[float], start: float = 0.0) -> np.ndarray:
    """The sums of `start` and the first elements of a tuple, of one, of two, ..., in float32, each step rounded."""
    totals = np.cumsum(np.array([start, *x], np.float32), dtype=np.float32)
    return totals[1:].astype(object)


def sum32(x: Sequence[float], start: float = 0.0) -> float:
    """The sum of `start` and a tuple from the first element to the last in float32, each step rounded."""
    total = np.float32(start)
    for term in x:
        total += np.float32(term)
    return float(total)


def lanes32(x: np.ndarray, count: int) -> np.ndarray:
    """So many sums in float32, each of every count-th element in order: of those from the first on, from the second on, ..."""
    return np.array([sum32(x[lane::count].tolist()) for lane in range(count)], object)


def fma_chain(a: np.ndarray, b: np.ndarray, start: float) -> np.ndarray:
    """The sums of `start` and the first products a * b, each by one fma and its denormal results as zeros."""
    totals, total = [], start
    for factor1, factor2 in zip(a, b, strict=True):
        total = flush_denormals(fma(factor1, factor2, total))
        totals.append(total)
    return np.array(totals, object)


def _of_libm(name: str) -> Callable[[float], float]:
    function, dtype = getattr(libm, name), np.float32 if name.endswith("f") else np.float64
    return lambda x: float(function(np.array([x], dtype))[0])


def _elementwise(function: Callable[..., Number]) -> Callable[..., Any]:
    return np.frompyfunc(function, function.__code__.co_argcount, 1)


_OF_INTEGERS = (wrap, clamp, ties_up, ties_away, toward_zero)
_TO_INTEGERS = (round_half_away, round_half_even, trunc, floor, cast_int32)
_OF_FLOATS = (float32, float16, fma, sqrt, div32, flush_denormals, copysign, where)
_OF_TUPLES = (abs, max, min, sum, joined, cumsum, cumsum32, sum32, lanes32, fma_chain)
_OF_THE_C_LIBRARY = ("exp", "expf", "tanhf", "logf", "expm1f", "sinf", "cosf")

VOCABULARY: dict[str, Callable[..., Any]] = {
    **{function.__name__: function for function in _OF_TUPLES},
    **{function.__name__: _elementwise(function) for function in (*_OF_INTEGERS, *_TO_INTEGERS, *_OF_FLOATS)},
    **{name: _elementwise(_of_libm(name)) for name in _OF_THE_C_LIBRARY},
}
