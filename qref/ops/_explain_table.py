"""How an entry of a lookup table is found, and how it is made: the function, scaled and rounded, of the input it stands for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from qref.arithmetic.explanation import Explanation

from ._formulas import Explain, Formula, derive_all, renamed, suffixed

Constants = tuple[float, int, float, int]  # input scale and zero point, output scale and zero point


def explain_table_8bit(formulas: Iterable[Formula], constants: Constants, *, half_even: bool = False) -> Explain:
    """The explanation of an entry for every input; half_even: rounded as XNNPACK does it, after the zero point is added."""

    def explain(x: np.ndarray, plan: Any, element: tuple[int, ...]) -> Explanation:
        e, limits = _begin(x, element, constants), np.iinfo(x.dtype)
        e.derive("reciprocal", "float32(divide(1, output_scale))", "LSB per real unit")
        e.derive("x", "float32(input_scale * (q - input_zero_point))", "the real number that q stands for")
        derive_all(e, renamed(formulas, y="f"))
        e.derive("steps", "float32(f * reciprocal)", "the function's value, LSB")
        if half_even:
            e.derive("entry", "float32(steps + output_zero_point)")
            e.derive("y", f"round_half_even(clamp(entry, {limits.min}, {limits.max}))", "the table's entry, ties to even")
            return e
        e.derive("rounded", "round_half_away(steps)", "ties away from zero")
        e.derive("entry", "float32(rounded + output_zero_point)")
        y = f"int_of(clamp(entry, {limits.min}, {limits.max}))"
        outside = "" if limits.min else " if abs(entry) < 2**31 else 0"
        e.derive("y", y + outside, "the table's entry")
        return e

    return explain


def explain_table_16bit(formulas: Iterable[Formula], constants: Constants) -> Explain:
    """The explanation of a value between two of 513 entries, and of both."""
    formulas = list(formulas)

    def explain(x: np.ndarray, plan: Any, element: tuple[int, ...]) -> Explanation:
        e = _begin(x, element, constants)
        for side in ("input", "output"):
            for end, value in (("min", -(2**15)), ("max", 2**15 - 1)):
                e.derive(f"{side}_{end}", f"float32({side}_scale * ({value} - {side}_zero_point))", "what 16 bits hold, real")
        e.derive("step", "float32(float32(input_max - input_min) / 512)", "between entries, real")
        e.derive("rescale", "float32(65536 / float32(output_max - output_min))", "LSB per real unit")
        e.derive("index", "256 + q // 2**7", "the entry at or below q")
        e.derive("fraction", "q % 2**7", "how far to the next one, of 128")
        index = e.value("index")
        for k in (0, 1, 2) if index < 511 else (0, 1):
            _at(e, formulas, f"{k}", f"float32(input_min + float32((index + {k}) * step))")
        _entry(e, formulas, 0)
        if index < 511:
            _entry(e, formulas, 1)
        else:
            _at(e, formulas, "_end", "input_max")
            e.derive("entry1", "int_of(clamp(round_half_away(value_end), -(2**15), 2**15 - 1))", "the last entry of the table")
        e.derive("slope", "wrap(entry1 - entry0, 16)")
        e.derive("dropped", "(slope * fraction) % 2**7", "the low 7 bits, which the rounding drops")
        e.derive("y", "wrap(entry0 + ties_up(slope * fraction, 2**7), 16)", "between the entries, ties up")
        return e

    return explain


def _begin(x: np.ndarray, element: tuple[int, ...], constants: Constants) -> Explanation:
    e = Explanation()
    e.given("q", x[element].item(), "the stored value, LSB")
    names = ("input_scale", "input_zero_point", "output_scale", "output_zero_point")
    for name, value in zip(names, constants):
        e.given(name, value, "real units per LSB" if name.endswith("scale") else "LSB")
    return e


def _at(e: Explanation, formulas: list[Formula], suffix: str, x: str) -> None:
    """Append the function's value at x, in LSB."""
    e.derive(f"x{suffix}", x, "where the entry stands, real")
    derive_all(e, renamed(suffixed(formulas, suffix), **{f"y{suffix}": f"f{suffix}"}))
    e.derive(f"value{suffix}", f"float32(f{suffix} * rescale)", "the function there, LSB")


def _entry(e: Explanation, formulas: list[Formula], k: int) -> None:
    """Append an entry: the function's value, less half of the error that interpolation makes in the middle of the interval."""
    _at(e, formulas, f"{k}_middle", f"float32(x{k} + float32(step / 2))")
    e.derive(f"start{k}", f"round_half_away(value{k})")
    e.derive(f"middle{k}", f"round_half_away(value{k}_middle)")
    e.derive(
        f"interpolated{k}", f"round_half_away(float32(float32(value{k + 1} + start{k}) / 2))", "what a line would give there"
    )
    e.derive(f"bias{k}", f"round_half_away(float32(float32(interpolated{k} - middle{k}) / 2))", "half of its error")
    e.derive(f"corrected{k}", f"float32(start{k} - bias{k})")
    entry = f"0 if corrected{k} != corrected{k} else int_of(clamp(corrected{k}, -(2**15), 2**15 - 1))"
    e.derive(f"entry{k}", entry, "of the table")
