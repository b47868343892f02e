"""Steps of fixed-point arithmetic whose constants are steps themselves: products, and the reciprocal square root."""

from __future__ import annotations

from qref.arithmetic.explanation import Explanation
from qref.arithmetic.requantize import DoubleRounding, FixedPointRule


def high(a: str, b: str, bits: int = 32) -> str:
    """The formula of the high half of a product of two fractions, ties up."""
    return saturated(f"ties_up({a} * {b}, 2**{bits - 1})", bits)


def saturated(formula: str, bits: int = 32) -> str:
    """The formula of what so many bits hold at most and at least."""
    return f"saturate({formula}, {bits})"


def explain_multiplied(e: Explanation, acc: str, multiplier: str, shift: int, rule: type[FixedPointRule] = DoubleRounding) -> str:
    """Append acc * multiplier * 2^(shift - 31), rounded by the rule, the multiplier being a step; returns the result's name."""
    if rule is not DoubleRounding:
        e.derive(f"product_{acc}", f"{acc} * {multiplier}", "in 64 bits")
        e.derive(f"dropped_{acc}", f"product_{acc} % 2**{31 - shift}", f"the low {31 - shift} bits, which the rounding drops")
        return e.derive(f"scaled_{acc}", f"wrap(ties_up(product_{acc}, 2**{31 - shift}), 32)", "the only rounding, ties up")
    left, right = max(shift, 0) % 32, max(-shift, 0)
    e.derive(f"shifted_{acc}", f"wrap({acc} * 2**{left}, 32)", "shifted to the left, in 32 bits")
    e.derive(f"dropped_by_high_{acc}", f"shifted_{acc} * {multiplier} % 2**31", "the low 31 bits, which the first rounding drops")
    e.derive(f"high_{acc}", high(f"shifted_{acc}", multiplier), "first rounding: the high half, ties up")
    e.derive(f"dropped_{acc}", f"high_{acc} % 2**{right}", f"the low {right} bits, which the second rounding drops")
    return e.derive(f"scaled_{acc}", f"ties_away(high_{acc}, 2**{right})", "second rounding: ties away from zero")


def explain_inverse_sqrt(e: Explanation, x: str) -> int:
    """Append "multiplier" and return the shift: 1 / sqrt(x) = multiplier * 2^(shift - 31), 1 for x <= 1.

    x is shifted by an even number of bits to about 1/4 to 1, then y <- y (3 - x y^2) / 2, five times from y = 1.
    """
    if e.value(x) <= 1:
        e.derive("multiplier", "2**31 - 1", "1, for x <= 1")
        return 0
    pairs_down = max(0, (e.value(x).bit_length() - 28) // 2)
    e.derive("reduced", f"{x} // 4**{pairs_down}", "in 29 bits")
    pairs = (31 - e.value("reduced").bit_length()) // 2 - 1
    right = 11 + pairs_down - pairs
    e.derive("half", f"ties_away(reduced * 4**{pairs} // 2, 2)", "half of it, shifted by an even number of bits")
    y = e.derive("y0", "2**28", "1, with 28 bits behind the point")
    for k in range(1, 6):
        e.derive(f"square{k}", high(y, y))
        e.derive(f"cube{k}", saturated(f"{high(f'square{k}', y)} * 2**6"))
        e.derive(f"three_halves{k}", high("(2**28 + 2**27)", y), "3/2 y")
        y = e.derive(f"y{k}", saturated(f"(three_halves{k} - {high('half', f'cube{k}')}) * 2**3"), "y (3 - x y^2) / 2")
    e.derive("multiplier", f"{high(y, '1518500250')} * 2**{max(-right, 0)}", "times the root of 1/2")
    return -max(right, 0)


_EXP_OF_MINUS_POWERS = {-2: 1672461947, -1: 1302514674, 0: 790015084, 1: 290630308, 2: 39332535, 3: 720401, 4: 242}  # of 2^31


def explain_exp_on_negative(e: Explanation, a: str, integer_bits: int, bits: int) -> None:
    """Append "e" = exp(a) of 2^(bits - 1), for a <= 0, a number or a tuple, with so many integer bits.

    a is a rest in [-1/4, 0), whose exponential is a polynomial around -1/8, less quarters, halves, ones, ..., a factor for each.
    """
    fraction_bits, drop = bits - 1 - integer_bits, 2 ** (32 - bits)
    e.derive("rest", f"{a} % 2**{fraction_bits - 2} - 2**{fraction_bits - 2}", "in [-1/4, 0)")
    e.derive("around", saturated(f"rest * 2**{integer_bits}", bits) + f" + 2**{bits - 4}", "around -1/8, as a fraction")
    e.derive("exp_eighth", f"ties_away(1895147668, {drop})", "exp(-1/8)")
    e.derive("third", f"ties_away(715827883, {drop})", "1/3")
    e.derive("square", high("around", "around", bits))
    e.derive("cube", high("square", "around", bits))
    e.derive("fourth", high("square", "square", bits))
    e.derive("cubic_part", high("(ties_away(fourth, 4) + cube)", "third", bits), "(x^4 / 4 + x^3) / 3")
    e.derive("series", "around + ties_away(cubic_part + square, 2)", "x + x^2 / 2 + x^3 / 6 + x^4 / 24")
    step = e.derive("exp_rest", saturated(f"exp_eighth + {high('exp_eighth', 'series', bits)}", bits), "exp(rest)")
    e.derive("whole", f"rest - {a}", "what is left of -a: quarters, halves, ones, ...")
    whole = e.value("whole") if isinstance(e.value("whole"), tuple) else (e.value("whole"),)
    for exponent, factor in _EXP_OF_MINUS_POWERS.items():
        bit = fraction_bits + exponent
        if exponent < integer_bits and any(part >> bit & 1 for part in whole):
            name = f"factor{exponent + 2}"
            e.derive(name, f"ties_away({factor}, {drop})", f"exp(-{2.0**exponent:g})")
            step = e.derive(
                f"times_{name}", f"where(whole // 2**{bit} % 2, {high(step, name, bits)}, {step})", "where it is in a"
            )
    e.derive("e", f"where({a}, {step}, 2**{bits - 1} - 1)", f"exp({a}), of 2^{bits - 1}; the greatest fraction for 0")


def explain_newton(e: Explanation, a: str, bits: int) -> None:
    """Append "inverse" = 2 / (1 + a) with 2 integer bits, for a fraction a in [0, 1): three steps of Newton's method."""
    drop = 2 ** (32 - bits)
    e.derive("mean", f"({a} + 2**{bits - 1}) // 2", "(1 + a) / 2")
    start = high("mean", f"ties_away(-1010580540, {drop})", bits)
    x = e.derive("inverse0", f"ties_away(1515870810, {drop}) + {start}", "48/17 - 32/17 (1 + a) / 2")
    for k in range(1, 4):
        e.derive(f"error{k}", f"2**{bits - 3} - {high('mean', x, bits)}", "what the product lacks to 1")
        correction = saturated(f"{high(x, f'error{k}', bits)} * 4", bits)
        x = e.derive("inverse" if k == 3 else f"inverse{k}", f"{x} + {correction}")


def explain_log(e: Explanation, a: str) -> None:
    """Append "log" of a number with 12 integer bits, at least 1: a word of 32 bits with 5 integer bits.

    a = 2^k r. Of two such splits, k a quarter above and a quarter below an integer, the one with the greater k and the lesser r
    counts, so that r stays near 2^(-1/4); log r is a rational function around there.
    """
    half, fourth, log_2 = "1518500250", "1805811301", "1488522236"  # the square and fourth roots of 1/2, ln 2, of 2^31
    e.derive("zeros", f"31 - exponent_of({a})", "leading zero bits")
    e.derive("r_above", saturated(f"{high(saturated(f'{a} * 2**(zeros - 1)'), half)} * 2"))
    e.derive("k_above", saturated(f"{saturated('(12 - zeros) * 2**25')} + 2**23"))
    e.derive("zeros_below", f"30 - exponent_of({high(a, half)})", "leading zero bits of a times the root of 1/2, less 1")
    e.derive("r_below", saturated(f"{a} * 2**zeros_below"))
    e.derive("k_below", saturated(f"{saturated('(12 - zeros_below) * 2**25')} - 2**23"))
    e.derive("r", "min(r_above, r_below)")
    e.derive("k", "max(k_above, k_below)", "with 6 integer bits")
    e.derive("p", f"(r + {fourth} + 1) // 2")
    e.derive("q", f"2 * (r - {fourth})", "how far r lies from 2^(-1/4)")
    e.derive("q_square", high("q", "q"))
    e.derive("numerator", f"{high('q', 'r')} + {high(high('q', 'q_square'), '117049297')}")
    inner = f"(1057819769 + q + {high('127690142', 'q_square')})"
    e.derive("denominator", f"{high('p', inner)} + {high('638450708', 'q')}", "less 1")
    explain_newton(e, "denominator", 32)
    e.derive("log_r", high("ties_away(numerator, 2**6)", f"({saturated('inverse * 2')})"))
    e.derive("log", saturated(f"({high('k', log_2)} + log_r) * 2"), "k ln 2 + log r, with 5 integer bits")
