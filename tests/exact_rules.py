"""The rounding rules in exact fractions, from their definitions: nothing here is shared with qref."""

from __future__ import annotations

import math
from fractions import Fraction

HALF = Fraction(1, 2)


def wrap(value: int, bits: int) -> int:
    return (value + 2 ** (bits - 1)) % 2**bits - 2 ** (bits - 1)


def ties_up(value: Fraction) -> int:
    return math.floor(value + HALF)


def ties_away(value: Fraction) -> int:
    return math.floor(value + HALF) if value >= 0 else -math.floor(-value + HALF)


def to_float(value: Fraction, bits: int) -> Fraction:
    """The nearest number with so many bits, ties to even; of numbers that are no denormals."""
    if value == 0:
        return value
    exponent = math.floor(math.log2(abs(value))) - bits
    while abs(value) / Fraction(2) ** exponent >= 2**bits:
        exponent += 1
    while abs(value) / Fraction(2) ** exponent < 2 ** (bits - 1):
        exponent -= 1
    return round(value / Fraction(2) ** exponent) * Fraction(2) ** exponent


def steps(rule: str, acc: int, multiplier: int, shift: int) -> list[Fraction]:
    """What is rounded to an integer, step by step: the last of it is nearly the result."""
    power = Fraction(2)
    if rule in ("double_rounding", "half_up"):
        first = Fraction(wrap(acc << max(shift, 0), 32) * multiplier, 2**31)
        return [first, min(ties_up(first), 2**31 - 1) / power ** max(-shift, 0)]
    if rule == "single_rounding":
        return [acc * multiplier * power ** (shift - 31)]
    if rule == "single_rounding_64":
        return [acc * min(ties_up(Fraction(multiplier, 2**16)), 2**15 - 1) * power ** (shift - 15)]
    bits = {"float64_half_away": 53, "float32_half_even": 24}[rule]
    return [to_float(to_float(Fraction(acc), bits) * multiplier * power**shift, bits)]


def requantize(rule: str, acc: int, multiplier: int, shift: int) -> int:
    last = steps(rule, acc, multiplier, shift)[-1]
    if rule == "float32_half_even":
        return round(min(max(last, Fraction(-(2**30))), Fraction(2**30)))
    if rule in ("double_rounding", "float64_half_away"):
        scaled = ties_away(last)
        return scaled if -(2**31) <= scaled < 2**31 else -(2**31)
    return wrap(ties_up(last), 32)


def is_tie(value: Fraction) -> bool:
    return (value - HALF).denominator == 1
