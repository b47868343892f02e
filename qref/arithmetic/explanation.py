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


def evaluate(formula: str, values: dict[str, Value], vocabulary: dict[str, Callable[..., Any]] | None = None) -> Value:
    """The value of a formula for these values of its names; functions are those of VOCABULARY unless others are given.

    >>> evaluate("ties_up(acc, 2**2)", {"acc": 6})
    2
    """
    code = _compiled(formula)
    used = {name: values[name] for name in code.co_names if name in values}
    names = {name: np.array(value, object) if isinstance(value, tuple) else value for name, value in used.items()}
    with np.errstate(all="ignore"):
        return _plain(eval(code, {"__builtins__": {}, **(vocabulary or VOCABULARY)}, names))


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


def saturate(x: int, bits: int) -> Number:
    """The nearest number that so many bits hold."""
    return clamp(x, -(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


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


def round_half_away(x: float) -> Number:
    """A real number to the nearest integer, ties away from zero; infinities and NaN stay."""
    if not math.isfinite(x):
        return x
    nearest = math.trunc(x)
    return nearest + int(math.copysign(1, x)) if abs(x - nearest) >= 0.5 else nearest


def round_half_even(x: float) -> Number:
    """A real number to the nearest integer, ties to even; infinities and NaN stay."""
    return round(x) if math.isfinite(x) else x


def trunc(x: float) -> Number:
    """A real number without its fraction; infinities and NaN stay."""
    return math.trunc(x) if math.isfinite(x) else x


def floor(x: float) -> Number:
    """The greatest integer that is not above a real number; infinities and NaN stay."""
    return math.floor(x) if math.isfinite(x) else x


def exponent_of(x: float) -> int:
    """The exponent n of a finite real number but 0: 2^n <= |x| < 2^(n + 1)."""
    return math.frexp(x)[1] - 1


def float32(x: Number) -> float:
    """The float32 number nearest to x, ties to even."""
    return float(np.float32(x))


def float16(x: Number) -> float:
    """The float16 number nearest to x, ties to even."""
    return float(np.float16(x))


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
        return float32(a * b + c)
    exact = Fraction(a) * Fraction(b) + Fraction(c)
    return nearest_float32(exact) if exact else float(np.float32(a * b + c))


def nearest_float32(exact: Fraction) -> float:
    """The float32 number nearest to a fraction, ties to even."""
    if exact == 0:
        return 0.0
    exponent = exact.numerator.bit_length() - exact.denominator.bit_length()
    exponent -= abs(exact) < Fraction(2) ** exponent
    step = Fraction(2) ** (max(exponent, -126) - 23)
    return math.copysign(float32(float(round(exact / step) * step)), exact)


def divide(a: float, b: float) -> float:
    """The quotient of two real numbers; infinite or NaN where the divisor is 0, as IEEE 754 has it."""
    return float(np.divide(a, b, dtype=np.float64))


def flush(x: float) -> float:
    """A float32 number, or zero of its sign where it is denormal."""
    return math.copysign(0.0, x) if abs(x) < 2.0**-126 else x


def fmod(a: float, b: float) -> float:
    """The remainder of a division rounded toward zero, exact; NaN where the divisor is 0."""
    return float(np.fmod(np.float64(a), np.float64(b)))


def float64(x: Number) -> float:
    """A number as float64."""
    return float(x)


def bit_and(a: int, b: int) -> int:
    """The bits that two integers have in common, as two's complement numbers."""
    return a & b


def int_of(x: float) -> int:
    """A truth value, or a real number without fraction, as an integer."""
    return int(x)


def sqrt(x: float) -> float:
    """The float32 number nearest to the square root of a float32 number."""
    return float(np.sqrt(np.float32(x)))


def joined(*parts: Any) -> np.ndarray:
    """One tuple of numbers and tuples, in that order."""
    return np.array([number for part in parts for number in np.ravel(np.array(part, object))], object)


def cumsum(x: np.ndarray) -> np.ndarray:
    """The sums of the first elements of a tuple: of one, of two, ..."""
    return np.cumsum(x) if len(x) else x


def greatest_of(x: np.ndarray, start: Number) -> Number:
    """The greatest element of a tuple, found from the first to the last; `start` where none is greater than that."""
    for value in x:
        start = value if start < value else start
    return start


def least_of(x: np.ndarray, start: Number) -> Number:
    """The least element of a tuple, found from the first to the last; `start` where none is less than that."""
    for value in x:
        start = value if value < start else start
    return start


def falling(x: Sequence[Number]) -> np.ndarray:
    """The elements of a tuple from the greatest to the least; equal ones stay in order."""
    return np.array(sorted(x, reverse=True), object)


def first_greatest(x: np.ndarray) -> int:
    """The position of the first element of a tuple that is greater than all before it and not less than any other."""
    found = 0
    for position, value in enumerate(x):
        found = position if value > x[found] else found
    return found


def first_least(x: np.ndarray) -> int:
    """The position of the first element of a tuple that is less than all before it and not greater than any other."""
    found = 0
    for position, value in enumerate(x):
        found = position if value < x[found] else found
    return found


def fold_greatest(x: np.ndarray) -> Number:
    """R = (r > x[i]) ? r : x[i] from the first element of a tuple to the last: a NaN stays only where it is last."""
    greatest = x[0]
    for value in x:
        greatest = greatest if greatest > value else value
    return greatest


def fold_least(x: np.ndarray) -> Number:
    """R = (r < x[i]) ? r : x[i] from the first element of a tuple to the last."""
    least = x[0]
    for value in x:
        least = least if least < value else value
    return least


def product(x: np.ndarray) -> int:
    """The product of a tuple of integers; 1 where there is none."""
    return math.prod(x)


def product32(x: np.ndarray) -> float:
    """The product of a tuple from the first element to the last in float32, each step rounded."""
    total = np.float32(1)
    for factor in x:
        total *= np.float32(factor)
    return float(total)


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
        total = flush(fma(factor1, factor2, total))
        totals.append(total)
    return np.array(totals, object)


def _of_libm(name: str) -> Callable[..., float]:
    function, dtype = getattr(libm, name), np.float32 if name.endswith("f") else np.float64
    if name in _OF_TWO_NUMBERS:
        return lambda a, b: float(function(np.array([a], dtype), np.array([b], dtype))[0])
    return lambda x: float(function(np.array([x], dtype))[0])


def _of_integer_type(dtype: np.dtype) -> Callable[[int], int]:
    bits, signed = 8 * dtype.itemsize, dtype.kind == "i"
    return lambda x: wrap(x, bits) if signed else x % 2**bits


def _elementwise(function: Callable[..., Number]) -> Callable[..., Any]:
    return np.frompyfunc(function, function.__code__.co_argcount, 1)


_OF_NUMBERS = (
    *(wrap, saturate, clamp, ties_up, ties_away, toward_zero, bit_and, where, int_of),
    *(round_half_away, round_half_even, trunc, floor, exponent_of, cast_int32),
    *(float64, float32, float16, divide, fmod, fma, flush, sqrt, copysign),
)
_OF_TUPLES = (
    *(abs, max, min, sum, product, cumsum, joined, falling),
    *(greatest_of, least_of, first_greatest, first_least, fold_greatest, fold_least),
    *(sum32, cumsum32, lanes32, fma_chain, product32),
)
_OF_TWO_NUMBERS = ("powf", "pow", "atan2f", "atan2")
_OF_THE_C_LIBRARY = ("expf", "tanhf", "logf", "expm1f", "sinf", "cosf", "erfcf", "exp", *_OF_TWO_NUMBERS)
_INTEGER_TYPES = ("int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64")

VOCABULARY: dict[str, Callable[..., Any]] = {
    **{function.__name__: function for function in _OF_TUPLES},
    **{function.__name__: _elementwise(function) for function in _OF_NUMBERS},
    **{name: _elementwise(_of_libm(name)) for name in _OF_THE_C_LIBRARY},
    **{name: _elementwise(_of_integer_type(np.dtype(name))) for name in _INTEGER_TYPES},
}
