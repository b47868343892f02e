"""How explanations of integer operators end: taps, accumulator, requantization, zero point, clamp; nothing of the references."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

import numpy as np

from qref.arithmetic.explanation import Explanation

from ._matmul import IntegerPlan


class OutputRange(Protocol):
    """The fields of a plan that bring a scaled accumulator to the output."""

    @property
    def output_offset(self) -> int:
        """+zero_point(y), LSB."""
        ...

    @property
    def output_activation_min(self) -> int:
        """Least output, LSB."""
        ...

    @property
    def output_activation_max(self) -> int:
        """Greatest output, LSB."""
        ...


def explain_taps(
    pairs: Iterable[tuple[int, int]], b: np.ndarray | None, plan: IntegerPlan, element: tuple[int, ...], channel: int
) -> Explanation:
    """From the pairs (x, w) of quantized values that meet, over bias and accumulator, to the output's `element` of `channel`."""
    e, taps = Explanation(), list(pairs)
    e.given("x", [x for x, _ in taps], "the inputs that meet the filter, LSB")
    e.given("w", [w for _, w in taps], "the weights they meet, LSB")
    e.given("input_offset", plan.input_offset, "minus the zero point of the input")
    e.given("filter_offset", plan.filter_offset, "minus the zero point of the weights")
    e.given("bias", 0 if b is None else int(b.reshape(-1)[channel]), "in units of s_x * s_w")
    e.derive("centred", "x + input_offset", "the inputs less their zero point")
    e.derive("products", "centred * (w + filter_offset)", "of each tap")
    e.derive("running", "bias + cumsum(products)", "the accumulator after each tap")
    e.derive("acc", f"wrap(bias + sum(products), {plan.acc_bits})", f"the accumulator, in {plan.acc_bits} bits")
    explain_output(e, plan.requantize.explain(e, "acc", element, plan.output_shape), plan)
    return e


def explain_output(e: Explanation, scaled: str, plan: OutputRange) -> None:
    """Append the last steps: the output's zero point, and the clamp to the range of its type and activation function."""
    e.given("output_offset", plan.output_offset, "the zero point of the output")
    e.derive("with_offset", f"wrap({scaled} + output_offset, 32)")
    e.given("output_activation_min", plan.output_activation_min, "the least output")
    e.given("output_activation_max", plan.output_activation_max, "the greatest output")
    e.derive("y", "clamp(with_offset, output_activation_min, output_activation_max)", "the output, LSB")
