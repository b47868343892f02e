"""How explanations of float32 operators go on: taps, sums in the runtime's order, bias, clamp; nothing of the references."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

import numpy as np

from qref.arithmetic.explanation import Explanation


class FloatRange(Protocol):
    """The fields of a plan that bound its output."""

    @property
    def low(self) -> np.float32:
        """Least output."""
        ...

    @property
    def high(self) -> np.float32:
        """Greatest output."""
        ...


def given_taps(e: Explanation, pairs: Iterable[tuple[float, float]], of: str = "") -> None:
    """Append the pairs (x, w) of values that meet."""
    taps = list(pairs)
    e.given(f"x{of}", [x for x, _ in taps], "the inputs that meet the weights, real")
    e.given(f"w{of}", [w for _, w in taps], "the weights they meet, real")


def explain_products(e: Explanation, pairs: Iterable[tuple[float, float]], of: str = "") -> str:
    """Append taps and their products; returns the products' name."""
    given_taps(e, pairs, of)
    return e.derive(f"products{of}", f"float32(x{of} * w{of})", "of each tap, in float32")


def explain_sequential(pairs: Iterable[tuple[float, float]], b: np.ndarray | None, plan: FloatRange, channel: int) -> Explanation:
    """Products summed from 0 in their order, then the bias of that channel, then the clamp."""
    e = Explanation()
    products = explain_products(e, pairs)
    e.derive("running", f"cumsum32({products})", "the sum after each tap, every step rounded to float32")
    e.derive("acc", f"sum32({products})", "the sum of all taps")
    explain_float32_output(e, "acc", bias_of(b, channel), plan)
    return e


def bias_of(b: np.ndarray | None, channel: int) -> float | None:
    """The bias of an output channel, None where there is none."""
    return None if b is None else b.reshape(-1)[channel].item()


def bias_or_zero(b: np.ndarray | None, channel: int) -> float:
    """The same, 0 where there is none, for kernels that start with it."""
    return 0.0 if b is None else b.reshape(-1)[channel].item()


def explain_float32_output(e: Explanation, acc: str, bias: float | None, plan: FloatRange) -> None:
    """Append the last steps: the bias where there is one, and the clamp to the range of the activation function."""
    if bias is not None:
        e.given("bias", bias, "real")
        acc = e.derive("with_bias", f"float32({acc} + bias)")
    explain_clamp(e, acc, plan)


def explain_clamp(e: Explanation, acc: str, plan: FloatRange) -> None:
    """Append the clamp to the range of the activation function."""
    e.given("output_activation_min", plan.low, "the least output")
    e.given("output_activation_max", plan.high, "the greatest output")
    e.derive("y", f"clamp({acc}, output_activation_min, output_activation_max)", "the output")
