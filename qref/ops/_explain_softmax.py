"""One output element of SOFTMAX in plain Python numbers, every step named; shares nothing with the references."""

from __future__ import annotations

import math
from collections.abc import Callable

from .node import Step

# exp(-1/4), exp(-1/2), exp(-1), ... exp(-16), of 2^31
_EXP_OF_MINUS_POWERS = (1672461947, 1302514674, 790015084, 290630308, 39332535, 720401, 242)


def explain_8bit(
    row: list[int], position: int, multiplier: int, left_shift: int, diff_min: int, bits: int, low: int
) -> list[Step]:
    """The steps from a row of stored values to one of its results, an integer of so many bits from `low` on."""
    greatest = max(row)
    difference = row[position] - greatest
    total = sum(_nearest(_exp(q - greatest, multiplier, left_shift, diff_min), 2**12) for q in row)
    total %= 2**32
    zeros = 32 - total.bit_length()
    reciprocal = _one_over_one_plus((total << zeros) - 2**31)
    exponent = 12 - zeros + 31 - bits
    e = _exp(difference, multiplier, left_shift, diff_min)
    product = _high(reciprocal, e)
    quotient = _nearest(product, 2**exponent) if 0 <= exponent <= 31 else 0
    return [
        Step("max(x)", greatest),
        Step("x - max(x), LSB", difference, {"diff_min": diff_min}),
        Step("in steps of 2^-26", _high(difference << left_shift, multiplier) if difference >= diff_min else "minus infinity"),
        Step("exp, of 2^31", e),
        Step("sum of all exp, of 2^19", total),
        Step("1 / sum, of 2^31", reciprocal, {"divided by 2^": 12 - zeros}),
        Step("exp / sum, high half", product),
        Step(f"divided by 2^{exponent}, ties away from zero", quotient),
        Step("clamped", min(quotient, 2**bits - 1) + low),
    ]


def explain_16bit(row: list[int], position: int, multiplier: int, shift: int) -> list[Step]:
    """The steps from a row of int16 values to one of its results, by tables of exp on [-10, 0] and 1 / (1 + x) on [0, 1]."""
    greatest = max(row)

    def exp(q: int) -> tuple[int, int]:
        shifted = _wrap((q - greatest) << (max(shift, 0) % 32), 32)
        scaled = _nearest(_high(shifted, multiplier), 2 ** max(-shift, 0))
        place = min(max(scaled + 32767, -32768), 32767)
        return place, _interpolate(place, math.exp, -10.0, 10 / 65535)

    values = [exp(q)[1] for q in row]
    place, e = exp(row[position])
    total = _wrap(sum(values), 32)
    zeros = 32 - (total % 2**32).bit_length()
    normalized = (_wrap(total << zeros - 1, 32) + 2**13) >> 14
    at = min(max(normalized - 2**15 - 2**16, -32768), 32767)
    reciprocal = _interpolate(at, lambda x: 1 / (1 + x), 0.0, 1 / 65535)
    result = (e * reciprocal + 2 ** (30 - zeros)) >> 31 - zeros
    return [
        Step("max(x)", greatest),
        Step("x - max(x), LSB", row[position] - greatest),
        Step("place in the table of exp", place),
        Step("exp, of 2^15", e),
        Step("sum of all exp, of 2^15", total),
        Step("place in the table of 1 / (1 + x)", at),
        Step("1 / sum, of 2^15", reciprocal, {"divided by 2^": 16 - zeros}),
        Step(f"exp * (1 / sum) divided by 2^{31 - zeros}", result),
        Step("clamped", min(max(result, 0), 32767)),
    ]


def _exp(difference: int, multiplier: int, left_shift: int, diff_min: int) -> int:
    """Exp of a difference in LSB, of 2^31: a polynomial on [-1/4, 0) times a factor for each quarter, half, one, ... below."""
    if difference < diff_min:
        return 0
    a = _high(difference << left_shift, multiplier)
    if a == 0:
        return 2**31 - 1
    quarter = 2**24
    rest = a % quarter - quarter
    x = rest * 2**5 + 2**28
    x2 = _high(x, x)
    x3, x4 = _high(x2, x), _high(x2, x2)
    series = x + _nearest(_high(_nearest(x4, 4) + x3, 715827883) + x2, 2)
    result = min(1895147668 + _high(1895147668, series), 2**31 - 1)
    quarters = (rest - a) // quarter
    for k, factor in enumerate(_EXP_OF_MINUS_POWERS):
        if quarters >> k & 1:
            result = _high(result, factor)
    return result


def _one_over_one_plus(a: int) -> int:
    """1 / (1 + a), both of 2^31: three steps of Newton's method for the reciprocal of h = (1 + a) / 2."""
    half = (a + 2**31) // 2
    x = 1515870810 + _high(half, -1010580540)
    for _ in range(3):
        x += _saturate(_high(x, 2**29 - _high(half, x)) * 4)
    return _saturate(2 * x)


def _interpolate(place: int, function: Callable[[float], float], start: float, step: float) -> int:
    """A function of start + step * (place + 2^15), of 2^15, between two of 513 entries; 65535 / 2 of them make 1."""
    entry = (place + 2**15) // 128

    def table(i: int) -> int:
        if i == 512:
            return _bounded(_round(function(start + step * 65535) * 65536 / (step_out * 65535)))
        x, width = start + i * (step * 65535 / 512), step * 65535 / 512
        first, middle, last = (function(v) * scale for v in (x, x + width / 2, start + (i + 1) * width))
        error = _round((last + _round(first)) / 2) - _round(middle)
        return _bounded(_round(first) - _round(error / 2))

    step_out = 2 / 65535
    scale = 65536 / (step_out * 65535)
    here, there = table(entry), table(entry + 1)
    return here + ((there - here) * (place & 127) + 64 >> 7)


def _high(a: int, b: int) -> int:
    return min((a * b + 2**30) >> 31, 2**31 - 1)


def _nearest(a: int, divisor: int) -> int:
    nearest = (2 * abs(a) + divisor) // (2 * divisor)
    return nearest if a >= 0 else -nearest


def _saturate(a: int) -> int:
    return min(max(a, -(2**31)), 2**31 - 1)


def _bounded(a: int) -> int:
    return min(max(a, -(2**15)), 2**15 - 1)


def _round(x: float) -> int:
    nearest = math.floor(abs(x) + 0.5)
    return nearest if x >= 0 else -nearest


def _wrap(a: int, bits: int) -> int:
    half = 1 << bits - 1
    return (a + half) % (2 * half) - half
