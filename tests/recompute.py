"""Computes the steps of a printed explanation again, from the printed numbers alone, with exact fractions and nothing of qref."""

from __future__ import annotations

import ctypes
import functools
import itertools
import math
import operator
from fractions import Fraction
from typing import Any

import numpy as np

LIBM = ctypes.CDLL("libm.so.6")


class Vector(tuple):
    """A tuple of numbers with the operators of numbers, element by element."""

    def _each(self, other: Any, operation) -> Vector:
        others = other if isinstance(other, Vector) else [other] * len(self)
        return Vector(operation(a, b) for a, b in zip(self, others, strict=True))

    def __add__(self, other):
        return self._each(other, lambda a, b: a + b)

    __radd__ = __add__

    def __sub__(self, other):
        return self._each(other, lambda a, b: a - b)

    def __rsub__(self, other):
        return self._each(other, lambda a, b: b - a)

    def __mul__(self, other):
        return self._each(other, lambda a, b: a * b)

    __rmul__ = __mul__

    def __truediv__(self, other):
        return self._each(other, lambda a, b: a / b)

    def __floordiv__(self, other):
        return self._each(other, lambda a, b: a // b)

    def __mod__(self, other):
        return self._each(other, lambda a, b: a % b)

    def __pow__(self, other):
        return self._each(other, lambda a, b: a**b)

    def __rpow__(self, other):
        return self._each(other, lambda a, b: b**a)

    def __le__(self, other):
        return self._each(other, lambda a, b: a <= b)

    def __neg__(self):
        return Vector(-a for a in self)

    def __abs__(self):
        return Vector(abs(a) for a in self)

    def __getitem__(self, index):
        found = super().__getitem__(index)
        return Vector(found) if isinstance(index, slice) else found


def on_each(function):
    """The function on numbers, and on vectors element by element."""

    def applied(*arguments):
        size = next((len(a) for a in arguments if isinstance(a, Vector)), None)
        if size is None:
            return function(*arguments)
        return Vector(function(*(a[i] if isinstance(a, Vector) else a for a in arguments)) for i in range(size))

    return applied


def wrap(x, bits):
    return int.from_bytes((x % 2**bits).to_bytes(bits // 8, "little"), "little", signed=True)


def ties_up(numerator, denominator):
    return math.floor(Fraction(numerator, denominator) + Fraction(1, 2))


def ties_away(numerator, denominator):
    quotient = Fraction(numerator, denominator)
    return int(math.copysign(math.floor(abs(quotient) + Fraction(1, 2)), quotient)) if quotient else 0


def round_half_away(x):
    return ties_away(*Fraction(x).as_integer_ratio()) if math.isfinite(x) else x


def float32(x):
    with np.errstate(all="ignore"):
        return float(np.float32(x))


def float16(x):
    with np.errstate(all="ignore"):
        return float(np.float16(x))


def fma(a, b, c):
    if not all(map(math.isfinite, (a, b, c))):
        return float32(a * b + c)
    exact = Fraction(a) * Fraction(b) + Fraction(c)
    if exact == 0:
        return float32(a * b + c)
    if abs(exact) >= 2**128 - 2**103:
        return math.copysign(math.inf, exact)
    with np.errstate(all="ignore"):
        below = min(np.float32(float(exact)), np.finfo(np.float32).max)
    candidates = [below, np.nextafter(below, np.float32(-np.inf)), np.nextafter(below, np.float32(np.inf))]
    even = {float(n): int(n.view(np.uint32)) % 2 for n in candidates}
    return min(even, key=lambda n: (abs(Fraction(n) - exact), even[n]))


def clamp(x, low, high):
    return max(min(x, high), low)


def cast_int32(x):
    return int(Fraction(x)) if math.isfinite(x) and -(2**31) <= int(x) < 2**31 else -(2**31)


def cumsum32(x, start=0.0):
    totals = itertools.accumulate(x, lambda total, term: float32(total + term), initial=float32(start))
    return Vector(itertools.islice(totals, 1, None))


def sum32(x, start=0.0):
    return functools.reduce(lambda total, term: float32(total + term), x, float32(start))


def lanes32(x, count):
    return Vector(sum32([term for i, term in enumerate(x) if i % count == lane]) for lane in range(count))


def fma_chain(a, b, start):
    chain = itertools.accumulate(zip(a, b, strict=True), lambda total, ab: flush(fma(*ab, total)), initial=start)
    return Vector(itertools.islice(chain, 1, None))


def joined(*parts):
    return Vector(itertools.chain.from_iterable(part if isinstance(part, Vector) else [part] for part in parts))


def divide(a, b):
    if b:
        return a / b
    return math.nan if a == 0 or a != a else math.copysign(math.inf, a) * math.copysign(1, b)


def flush(x):
    return x * 0.0 if abs(x) < 2.0**-126 else x


def fmod(a, b):
    if not b or not math.isfinite(a) or b != b:
        return math.nan
    return math.copysign(float(abs(Fraction(a)) % abs(Fraction(b))), a) if math.isfinite(b) else a


def falling(x):
    rest, found = list(x), []
    while rest:
        found.append(rest.pop(rest.index(max(rest))))
    return Vector(found)


def if_finite(function):
    return lambda x: function(x) if math.isfinite(x) else x


def exponent_of(x):
    n = 0
    while abs(Fraction(x)) >= Fraction(2) ** (n + 1):
        n += 1
    while abs(Fraction(x)) < Fraction(2) ** n:
        n -= 1
    return n


def fold(better):
    return lambda x: functools.reduce(lambda r, value: r if better(r, value) else value, x)


def product32(x):
    total = 1.0
    for factor in x:
        total = float32(total * factor)
    return total


def greatest_of(x, start):
    return max([start, *(value for value in x if value == value)])


def least_of(x, start):
    return min([start, *(value for value in x if value == value)])


def cumsum(x):
    return Vector(itertools.accumulate(x))


def of_libm(name):
    function = getattr(LIBM, name)
    real = ctypes.c_float if name.endswith("f") else ctypes.c_double
    function.restype, function.argtypes = real, [real] * (2 if name in OF_TWO_NUMBERS else 1)
    return on_each(lambda *x: float(function(*map(float, x))))


def of_integer_type(bits, signed):
    return on_each(lambda x: int.from_bytes((x % 2**bits).to_bytes(bits // 8, "little"), "little", signed=signed))


OF_TWO_NUMBERS = ("powf", "pow", "atan2f", "atan2")
OF_LIBM = ("expf", "tanhf", "logf", "expm1f", "sinf", "cosf", "erfcf", "exp", *OF_TWO_NUMBERS)


def first_extreme(extreme):
    return lambda x: 0 if x[0] != x[0] else x.index(extreme(value for value in x if value == value))


FUNCTIONS = {
    "abs": abs,
    "max": max,
    "min": min,
    "sum": sum,
    "joined": joined,
    "cumsum": cumsum,
    "cumsum32": cumsum32,
    "sum32": sum32,
    "lanes32": lanes32,
    "fma_chain": fma_chain,
    "first_greatest": first_extreme(max),
    "first_least": first_extreme(min),
    "product32": product32,
    "fold_greatest": fold(operator.gt),
    "fold_least": fold(operator.lt),
    "product": math.prod,
    "greatest_of": greatest_of,
    "falling": falling,
    "least_of": least_of,
    "wrap": on_each(wrap),
    "saturate": on_each(lambda x, bits: sorted((-(2**bits) // 2, x, 2**bits // 2 - 1))[1]),
    "clamp": on_each(clamp),
    "ties_up": on_each(ties_up),
    "ties_away": on_each(ties_away),
    "toward_zero": on_each(lambda n, d: int(Fraction(n, d))),
    "round_half_away": on_each(if_finite(round_half_away)),
    "round_half_even": on_each(if_finite(round)),
    "trunc": on_each(if_finite(math.trunc)),
    "floor": on_each(if_finite(math.floor)),
    "exponent_of": on_each(exponent_of),
    "bit_and": on_each(
        lambda a, b: int.from_bytes(
            bytes(i & j for i, j in zip(*(n.to_bytes(16, "big", signed=True) for n in (a, b)))), signed=True
        )
    ),
    "int_of": on_each(lambda x: math.trunc(x)),
    "float32": on_each(float32),
    "float16": on_each(float16),
    "float64": on_each(float),
    "divide": on_each(divide),
    "fmod": on_each(fmod),
    "flush": on_each(flush),
    "where": on_each(lambda condition, a, b: a if condition else b),
    "fma": on_each(fma),
    "copysign": on_each(math.copysign),
    "cast_int32": on_each(cast_int32),
    "sqrt": on_each(lambda x: float32(math.sqrt(x)) if x >= 0 else math.nan),
    **{name: of_libm(name) for name in OF_LIBM},
    **{f"int{bits}": of_integer_type(bits, True) for bits in (8, 16, 32, 64)},
    **{f"uint{bits}": of_integer_type(bits, False) for bits in (8, 16, 32, 64)},
}


def same(a, b):
    """Whether two values are equal, NaN with NaN, the signs of zeros too."""
    if isinstance(a, tuple) and isinstance(b, tuple):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, str) or a != a:
        return a == b or (a != a and b != b)
    return a == b and math.copysign(1, a) == math.copysign(1, b)


def recompute(steps: list[dict[str, Any]]) -> int:
    """Assert that every derived step's formula gives its printed value; returns how many there were."""
    values: dict[str, Any] = {}
    derived = 0
    for step in steps:
        value = Vector(step["value"]) if isinstance(step["value"], list) else step["value"]
        if step["formula"]:
            got = eval(step["formula"], {"__builtins__": {}, **FUNCTIONS}, dict(values))
            assert same(got, value), (step, got)
            derived += 1
        assert step["name"] not in values
        values[step["name"]] = value
    return derived
