"""One output element of SOFTMAX on integers, step by step; shares nothing with the references.

The sum needs the exponentials of the whole row. They are given; each of them is found by the steps that show the element's own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from qref.arithmetic.explanation import Explanation
from qref.arithmetic.requantize import DoubleRounding, FixedPointRule

from ._explain_gemmlowp import divide, explain_exp, explain_one_over_one_plus, multiply

EXP_INTEGER_BITS, SUM_INTEGER_BITS = 5, 12
ENTRIES = 512  # intervals of a table, of 128 inputs each


def explain_8bit(
    row: list[int], position: int, multiplier: int, left_shift: int, diff_min: int, bits: int, low: int
) -> Explanation:
    """The steps from a row of stored values to one of its results, an integer of so many bits from `low` on."""
    e, rule = _distances(row, position), _rule(multiplier, left_shift)
    e.given("diff_min", diff_min, "differences below it count as minus infinity, LSB")

    def exponential(e: Explanation) -> str:
        if e.value("difference") < diff_min:
            return e.derive("exp_y", "0 if difference < diff_min else 2**31 - 1", "exp of minus infinity")
        return explain_exp(e, rule.explain(e, "difference"), "y", EXP_INTEGER_BITS, 32)

    _exponentials(e, exponential, {"diff_min": diff_min}, "of 2^31")
    exponential(e)
    e.derive("dropped_terms", f"exponentials % 2**{SUM_INTEGER_BITS}", "the low 12 bits, which the next rounding drops")
    e.derive("terms", f"ties_away(exponentials, 2**{SUM_INTEGER_BITS})", "the exponentials, of 2^19, so that 4096 can be summed")
    e.derive("total", "sum(terms) % 2**32", "the sum, of 2^19, in 32 bits")
    e.derive("leading_zeros", "32 - total.bit_length()", "of the sum")
    e.derive("normalized", "total * 2**leading_zeros - 2**31", "the sum, scaled to 1 + a in [1, 2): a, of 2^31")
    reciprocal = explain_one_over_one_plus(e, "normalized", "total", 32)
    quotient = multiply(e, "quotient", f"{reciprocal} * exp_y", 32, "exp / sum, still scaled")
    e.derive("exponent", f"{SUM_INTEGER_BITS} - leading_zeros + 31 - {bits}", f"takes the scaling back, and leaves {bits} bits")
    inside = "if 0 <= exponent <= 31 else"
    e.derive("dropped", f"{quotient} % 2**exponent {inside} {quotient}", "the low bits, which the last rounding drops")
    e.derive("rounded", f"ties_away({quotient}, 2**exponent) {inside} 0", f"exp / sum, of 2^{bits}, ties away from zero")
    e.given("output_offset", low, "the zero point of the output, the least value of its type")
    e.derive("y", f"min(rounded, 2**{bits} - 1) + output_offset", "the output, LSB")
    return e


def explain_16bit(row: list[int], position: int, scaling: FixedPointRule, *, float32: bool = False) -> Explanation:
    """The steps from a row of int16 values to one of its results, by tables of exp on [-10, 0] and 1 / (1 + x) on [0, 1].

    scaling  of differences to the steps of the first table
    float32  whether the second table is made in float32
    """
    e = _distances(row, position)

    def exponential(e: Explanation) -> str:
        scaled = scaling.explain(e, "difference")
        e.derive("place_exp", f"clamp({scaled} + 32767, -2**15, 2**15 - 1)", "in the table, in steps of 10 / 65535")
        return _explain_look_up(e, "exp", "exp({})", -10.0, 10 / 65535)

    _exponentials(e, exponential, {}, "of 2^15")
    exponential(e)
    e.derive("total", "wrap(sum(exponentials), 32)", "the sum, of 2^15, in 32 bits")
    e.derive("leading_zeros", "32 - (total % 2**32).bit_length()", "of the sum")
    e.derive("shifted_total", "wrap(total * 2**(leading_zeros - 1), 32)", "the sum, scaled to [1, 2) of 2^30")
    divide(e, "normalized", "shifted_total", 14, "of 2^16")
    words = "in the table of 1 / (1 + a), for the sum as 1 + a"
    e.derive("place_reciprocal", "clamp(normalized - 2**15 - 2**16, -2**15, 2**15 - 1)", words)
    reciprocal = "float32(1 / float32(1 + {}))" if float32 else "1 / (1 + {})"
    _explain_look_up(e, "reciprocal", reciprocal, 0.0, 1 / 65535, float32=float32)
    e.derive("product", "exp * reciprocal", "exp / sum, still scaled")
    divide(e, "rounded", "product", 31 - e.value("leading_zeros"), "exp / sum, of 2^15, ties up")
    e.derive("y", "clamp(rounded, 0, 2**15 - 1)", "the output, LSB")
    return e


def _distances(row: list[int], position: int) -> Explanation:
    e = Explanation()
    e.given("x", row, "the row of inputs that are summed up, LSB")
    e.given("position", position, "of the element in its row")
    e.derive("greatest", "max(x)", "which is subtracted, so that no exponential is above 1")
    e.derive("differences", "x - greatest", "LSB; the zero point cancels")
    e.derive("difference", "differences[position]", "that of the element")
    return e


def _exponentials(e: Explanation, explain: Callable[[Explanation], str], constants: dict[str, int], unit: str) -> None:
    """Append the exponentials of all differences, each as `explain` gives it for the step "difference"."""
    found: dict[int, int] = {}
    for difference in set(e.value("differences")):
        own = Explanation()
        for name, value in {"difference": difference, **constants}.items():
            own.given(name, value)
        found[difference] = own.value(explain(own))
    words = f"exp of beta * scale * difference for the whole row, {unit}, each found as the element's own"
    e.given("exponentials", [found[difference] for difference in e.value("differences")], words)


def _rule(multiplier: int, shift: int) -> DoubleRounding:
    return DoubleRounding(np.array([multiplier]), np.array([shift]))


def _explain_look_up(e: Explanation, name: str, function: str, start: float, step: float, *, float32: bool = False) -> str:
    """Append a table's value at the step place_`name`, for a function of start + step * (place + 2^15), of 2^15."""
    e.derive(f"entry_{name}", f"(place_{name} + 2**15) // 128", "the number of the table's entry at or below it")
    table = _Table(function, start, step, np.float32 if float32 else np.float64)
    for which in (0, 1):
        table.explain_entry(e, f"{name}_{which}", e.value(f"entry_{name}") + which)
    e.derive(f"between_{name}", f"({name}_1 - {name}_0) * (place_{name} % 128)", "128 times what the place adds to the entry")
    divide(e, f"added_{name}", f"between_{name}", 7, "ties up")
    return e.derive(name, f"{name}_0 + added_{name}", "of 2^15")


@dataclass(frozen=True, slots=True)
class _Table:
    """A table of a function of start + step * k at every 128th of 65536 numbers k, made in float32 or float64."""

    function: str  # a formula with {} for its operand
    start: float
    step: float
    real: type[np.floating]

    def explain_entry(self, e: Explanation, name: str, entry: int) -> None:
        """Append an entry, shifted by half of the error that interpolation makes in the middle of its interval."""
        start, rescale = self.real(self.start), _rescale(self.real)
        width = self.real(self.step) * self.real(65535) / self.real(ENTRIES)
        if entry == ENTRIES:
            e.given(f"place_{name}", start + self.real(self.step) * self.real(65535), "where the table ends")
            last = self._rounded(f"{self.function.format(f'place_{name}')} * {rescale}")
            e.derive(name, f"clamp(round_half_away({last}), -2**15, 2**15 - 1)", "its last entry")
            return
        for k, at in enumerate(("left", "right")):
            words = f"the {at} end of the interval of entry {entry}, in {self.real.__name__}"
            e.given(f"{at}_{name}", start + self.real(entry + k) * width, words)
        e.derive(f"middle_{name}", self._rounded(f"left_{name} + {float(width / self.real(2))!r}"), "half a step further")
        for at in ("left", "middle", "right"):
            value = self._rounded(f"{self.function.format(f'{at}_{name}')} * {rescale}")
            e.derive(f"at_{at}_{name}", value, f"of 2^15, in {self.real.__name__}")
        e.derive(f"rounded_left_{name}", f"round_half_away(at_left_{name})", "ties away from zero")
        total = self._rounded(f"at_right_{name} + rounded_left_{name}")
        e.derive(f"interpolated_{name}", f"round_half_away(({total}) / 2)", "in the middle")
        e.derive(f"error_{name}", f"round_half_away((interpolated_{name} - round_half_away(at_middle_{name})) / 2)", "half of it")
        e.derive(name, f"clamp(rounded_left_{name} - error_{name}, -2**15, 2**15 - 1)", f"entry {entry} of the table")

    def _rounded(self, formula: str) -> str:
        return f"float32({formula})" if self.real is np.float32 else formula


def _rescale(real: type[np.floating]) -> float:
    """The entries' unit, as the kernel forms it: they stand for entry / 2^15."""
    scale = real(2 / 65535)
    return float(real(65536) / (scale * real(32767) - scale * real(-32768)))
