"""Explanations of operators whose every element follows by a few formulas from the elements that it meets.

A formula is (name, expression, meaning). It names the operands x1, x2, ... or x where there is one, and earlier formulas; the
last one is called y. T(...) stands for the rounding or wrapping to the operands' type: float32(...), int16(...).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from qref.arithmetic.explanation import Explanation

from ._elementwise import element_of

Formula = tuple[str, str, str]
FLOAT32 = np.dtype(np.float32)
Explain = Callable[..., Explanation]

CLAMP: tuple[Formula, ...] = (
    ("not_below", "max(result, low)", "NaN stays"),
    ("y", "min(not_below, high)", "within the limits of the activation function"),
)
LIMITS = {"low": "the least output", "high": "the greatest output"}  # fields of a plan


def explain_by(*formulas: Formula, **fields: str) -> Explain:
    """An `explain` by formulas; fields of the plan that they name are given too, each with its meaning."""

    def explain(*arguments: Any) -> Explanation:
        *inputs, plan, element = arguments
        e = Explanation()
        for name, x in zip(operand_names(len(inputs)), inputs):
            e.given(name, element_of(x, element), "the operand's element")
        for name, meaning in fields.items():
            e.given(name, getattr(plan, name), meaning)
        derive_all(e, formulas, inputs[0].dtype)
        return e

    return explain


def operand_names(count: int) -> list[str]:
    """What formulas call the operands."""
    return ["x"] if count == 1 else [f"x{i}" for i in range(1, count + 1)]


def derive_all(e: Explanation, formulas: Iterable[Formula], dtype: np.dtype = FLOAT32) -> None:
    """Append what formulas give, T(...) as the type of that dtype."""
    for name, expression, meaning in formulas:
        e.derive(name, re.sub(r"\bT\(", f"{dtype.name}(", expression), meaning)


def renamed(formulas: Iterable[Formula], **names: str) -> list[Formula]:
    """The formulas with other names for some of theirs."""
    pattern = re.compile(rf"\b({'|'.join(names)})\b")
    return [
        (names.get(name, name), pattern.sub(lambda match: names[match[1]], expression), meaning)
        for name, expression, meaning in formulas
    ]


def suffixed(formulas: Iterable[Formula], suffix: str) -> list[Formula]:
    """The formulas with x and all their own names suffixed, to stand beside others."""
    formulas = list(formulas)
    return renamed(formulas, **{name: name + suffix for name in ("x", *(name for name, _, _ in formulas))})


def explain_steps(append: Callable[[Explanation], None]) -> Explain:
    """An `explain` of a function of one float32 number by what appends its steps behind x."""

    def explain(x: np.ndarray, plan: Any, element: tuple[int, ...]) -> Explanation:
        e = Explanation()
        e.given("x", x[element].item(), "the operand's element")
        append(e)
        return e

    return explain


def explain_in_packets(packet: Callable[[Explanation], None], tail: Callable[[Explanation], None], lanes: int = 4) -> Explain:
    """The same where vector code takes whole packets of so many elements, and other code what lies behind the last one."""
    in_packet, behind = explain_steps(packet), explain_steps(tail)

    def explain(x: np.ndarray, plan: Any, element: tuple[int, ...]) -> Explanation:
        place = int(np.ravel_multi_index(element, x.shape)) if element else 0
        return (in_packet if place < x.size // lanes * lanes else behind)(x, plan, element)

    return explain


def derive_polynomial(e: Explanation, name: str, x: str, coefficients: Iterable[float], *, fused: bool = True) -> str:
    """Append Horner's rule, coefficients from the highest power down, by fused multiply-add or with every step rounded."""
    value, *others = (float(np.float32(c)) for c in coefficients)
    step, last = repr(value), len(others)
    for position, c in enumerate(others, 1):
        formula = f"fma({step}, {x}, {c!r})" if fused else f"float32(float32({step} * {x}) + {c!r})"
        step = e.derive(name if position == last else f"{name}{position}", formula, f"a polynomial in {x}, Horner's rule")
    return step
