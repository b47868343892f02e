"""Exponential, reciprocal, logistic function and tanh in fixed point, step by step; nothing of the references.

A word of `bits` bits with k integer bits stands for word / 2^(bits - 1 - k); without integer bits it holds [-1, 1).
Names of steps end in what the function is `of`, so that an explanation can hold several of them.
"""

from __future__ import annotations

from qref.arithmetic.explanation import Explanation

# exp(-1/4), exp(-1/2), exp(-1), exp(-2), ... exp(-16), of 2^31
_EXP_OF_MINUS_POWERS = (1672461947, 1302514674, 790015084, 290630308, 39332535, 720401, 242)
_EXP_OF_MINUS_EIGHTH, _THIRD = 1895147668, 715827883  # of 2^31
_48_OVER_17, _32_OVER_17 = 1515870810, 1010580540  # of 2^29


def divide(e: Explanation, name: str, numerator: str, exponent: int, meaning: str, ties: str = "ties_up") -> str:
    """Append a division by 2^exponent that rounds to nearest, after the bits that it drops."""
    whole = numerator if numerator.isidentifier() else f"({numerator})"
    bits = "the lowest bit" if exponent == 1 else f"the low {exponent} bits"
    e.derive(f"dropped_{name}", f"{whole} % 2**{exponent}", f"{bits}, which the next rounding drops")
    return e.derive(name, f"{ties}({numerator}, 2**{exponent})", meaning)


def multiply(e: Explanation, name: str, product: str, bits: int, meaning: str) -> str:
    """Append the high half of a product of two words, ties up."""
    return divide(e, name, product, bits - 1, meaning)


def explain_exp(e: Explanation, a: str, of: str, integer_bits: int, bits: int) -> str:
    """Append exp(a), without integer bits, for a step a <= 0 with so many of them: a polynomial, and a factor for each bit."""
    value, one = e.value(a), 2 ** (bits - 1 - integer_bits)
    name, greatest = f"exp_{of}", f"2**{bits - 1} - 1"
    if value == 0:
        return e.derive(name, f"{greatest} + {a}", "exp(0), as near to 1 as it gets")
    if integer_bits > 5 and value < -32 * one:
        return e.derive(name, f"0 if {a} < -32 * 2**{bits - 1 - integer_bits} else {greatest}", "exp of what is below -32")
    quarter, eighth = f"2**{bits - 3 - integer_bits}", _constant(_EXP_OF_MINUS_EIGHTH, bits)
    e.derive(f"fraction_{of}", f"{a} % {quarter} - {quarter}", "the part of it in [-1/4, 0)")
    e.derive(f"quarters_{of}", f"(fraction_{of} - {a}) // {quarter}", "how many quarters lie between")
    x = e.derive(f"x_{of}", f"fraction_{of} * 2**{integer_bits} + 2**{bits - 4}", "the part without integer bits, plus 1/8")
    x2 = multiply(e, f"x2_{of}", f"{x} * {x}", bits, "x^2")
    x3 = multiply(e, f"x3_{of}", f"{x2} * {x}", bits, "x^3")
    x4 = multiply(e, f"x4_{of}", f"{x2} * {x2}", bits, "x^4")
    divide(e, f"x4_over_4_{of}", x4, 2, "x^4 / 4", "ties_away")
    multiply(e, f"cubic_{of}", f"(x4_over_4_{of} + {x3}) * {_constant(_THIRD, bits)}", bits, "(x^4 / 4 + x^3) / 3")
    divide(e, f"square_{of}", f"cubic_{of} + {x2}", 1, "x^4 / 24 + x^3 / 6 + x^2 / 2", "ties_away")
    multiply(e, f"slope_{of}", f"{eighth} * ({x} + square_{of})", bits, "exp(-1/8) (exp(x) - 1)")
    result = e.derive(f"exp_fraction_{of}", f"min({eighth} + slope_{of}, {greatest})", "exp of the part: exp(-1/8) exp(x)")
    for k, factor in enumerate(_EXP_OF_MINUS_POWERS[: integer_bits + 2]):
        if e.value(f"quarters_{of}") >> k & 1:
            words = f"times exp(-{2.0 ** (k - 2):g}), as the number of quarters has the bit {2**k}"
            result = multiply(e, f"times_factor_{k}_{of}", f"{result} * {_constant(factor, bits)}", bits, words)
    return e.derive(name, result, "the exponential")


def explain_reciprocal(e: Explanation, a: str, of: str, bits: int) -> str:
    """Append 2 / (1 + a), with two integer bits, for a step a in [0, 1) without them: Newton's method, three times."""
    half = divide(e, f"half_{of}", f"{a} + 2**{bits - 1} - 1", 1, "d = (1 + a) / 2", "ties_away")
    first = _constant(_48_OVER_17, bits)
    multiply(e, f"slope_of_start_{of}", f"{half} * {-_constant(_32_OVER_17, bits)}", bits, "-32/17 d")
    x = e.derive(f"estimate_0_{of}", f"{first} + slope_of_start_{of}", "1 / d, about 48/17 - 32/17 d; 2 integer bits")
    for k in (1, 2, 3):
        multiply(e, f"d_times_{k}_{of}", f"{half} * {x}", bits, "d x, which should be 1")
        e.derive(f"error_{k}_{of}", f"2**{bits - 3} - d_times_{k}_{of}", "1 - d x")
        multiply(e, f"correction_{k}_{of}", f"{x} * error_{k}_{of}", bits, "x (1 - d x), with 4 integer bits")
        x = e.derive(f"estimate_{k}_{of}", f"{x} + 4 * correction_{k}_{of}", "x + x (1 - d x), a better 1 / d")
    return x


def explain_one_over_one_plus(e: Explanation, a: str, of: str, bits: int) -> str:
    """Append 1 / (1 + a), both without integer bits, a in [0, 1)."""
    x = explain_reciprocal(e, a, of, bits)
    return e.derive(f"reciprocal_{of}", f"min(2 * {x}, 2**{bits - 1} - 1)", "1 / (1 + a), without integer bits")


def explain_logistic(e: Explanation, a: str, name: str, integer_bits: int, bits: int = 16) -> str:
    """Append the step `name`: 1 / (1 + exp(-a)) without integer bits, for a step a with so many of them."""
    if e.value(a) == 0:
        return e.derive(name, f"2**{bits - 2} + {a}", "logistic(0) is 1/2")
    e.derive(f"minus_abs_{name}", f"-abs({a})", "the function is taken of a number above 0, and mirrored")
    exponential = explain_exp(e, f"minus_abs_{name}", name, integer_bits, bits)
    positive = explain_one_over_one_plus(e, exponential, name, bits)
    return e.derive(name, f"{positive} if {a} > 0 else 2**{bits - 1} - 1 - {positive}", f"logistic({a}), of 2^{bits - 1}")


def explain_tanh(e: Explanation, a: str, name: str, integer_bits: int, bits: int = 16) -> str:
    """Append the step `name`: tanh(a) without integer bits, for a step a with so many; 2 a is a with one integer bit more."""
    if e.value(a) == 0:
        return e.derive(name, a, "tanh(0) is 0")
    e.derive(f"minus_abs_{name}", f"-abs({a})", "the function is taken of a number above 0, and mirrored")
    exponential = explain_exp(e, f"minus_abs_{name}", name, integer_bits + 1, bits)
    double = explain_reciprocal(e, exponential, name, bits)
    words = "2 / (1 + exp(-2 |a|)) - 1, without integer bits"
    e.derive(f"positive_{name}", f"min(4 * ({double} - 2**{bits - 3}), 2**{bits - 1} - 1)", words)
    return e.derive(name, f"positive_{name} if {a} > 0 else -positive_{name}", f"tanh({a}), of 2^{bits - 1}")


def _constant(of_2_31: int, bits: int) -> int:
    """A constant above 0, of 2^31, in words of that width, rounded to nearest."""
    return (2 * of_2_31 + 2 ** (32 - bits)) // 2 ** (33 - bits)
