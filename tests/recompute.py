"""Computes the steps of a printed explanation again, from the printed numbers alone, with exact fractions and nothing of qref."""

from __future__ import annotations

import ctypes
import functools
import itertools
import math
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
    return ties_away(*Fraction(x).as_integer_ratio())


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
    below = np.float32(float(exact))
    candidates = [below, np.nextafter(below, np.float32(-np.inf)), np.nextafter(below, np.float32(np.inf))]
    even = {float(n): int(n.view(np.uint32)) % 2 for n in candidates}
    return min(even, key=lambda n: (abs(Fraction(n) - exact), even[n]))


def clamp(x, low, high):
    return x if x != x else max(low, min(x, high))


def div32(a, b):
    if b == 0 or not (math.isfinite(a) and math.isfinite(b)):
        return (
            math.nan
            if a != a or b != b or a == b == 0 or abs(a) == abs(b)
            else float32(a * math.copysign(math.inf, b) if b == 0 else a / b)
        )
    return float32(a / b)


def flush_denormals(x):
    return x * 0.0 if 0 < abs(x) < 2**-126 else x


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
    chain = itertools.accumulate(zip(a, b, strict=True), lambda total, ab: flush_denormals(fma(*ab, total)), initial=start)
    return Vector(itertools.islice(chain, 1, None))


def joined(*parts):
    return Vector(itertools.chain.from_iterable(part if isinstance(part, Vector) else [part] for part in parts))


def cumsum(x):
    return Vector(itertools.accumulate(x))


def of_libm(name):
    function = getattr(LIBM, name)
    real = ctypes.c_float if name.endswith("f") else ctypes.c_double
    function.restype, function.argtypes = real, [real]
    return on_each(lambda x: float(function(x)))


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
    "wrap": on_each(wrap),
    "clamp": on_each(clamp),
    "ties_up": on_each(ties_up),
    "ties_away": on_each(ties_away),
    "toward_zero": on_each(lambda n, d: int(Fraction(n, d))),
    "round_half_away": on_each(round_half_away),
    "round_half_even": on_each(round),
    "trunc": on_each(math.trunc),
    "floor": on_each(math.floor),
    "float32": on_each(float32),
    "float16": on_each(float16),
    "fma": on_each(fma),
    "div32": on_each(div32),
    "flush_denormals": on_each(flush_denormals),
    "copysign": on_each(math.copysign),
    "cast_int32": on_each(cast_int32),
    "where": on_each(lambda condition, a, b: a if condition else b),
    "sqrt": on_each(lambda x: float32(math.sqrt(x))),
    **{name: of_libm(name) for name in ("exp", "expf", "tanhf", "logf", "expm1f", "sinf", "cosf")},
}


def same(a, b):
    """Whether two values are equal, NaN with NaN, the signs of zeros too."""
    if isinstance(a, tuple) and isinstance(b, tuple):
        return len(a) == len(b) and all(map(same, a, b))
    return (a == b and math.copysign(1, a) == math.copysign(1, b)) or (a != a and b != b)


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
