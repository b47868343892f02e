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
    explain_zero_point(e, scaled, plan.output_offset)
    explain_clamp(e, "with_offset", plan.output_activation_min, plan.output_activation_max)


def explain_output_of_type(e: Explanation, scaled: str, output_offset: int, dtype: np.dtype) -> None:
    """The same where the range of the output is that of its type."""
    limits = np.iinfo(dtype)
    explain_zero_point(e, scaled, output_offset)
    explain_clamp(e, "with_offset", limits.min, limits.max)


def explain_zero_point(e: Explanation, scaled: str, output_offset: int, bits: int = 32) -> None:
    """Append the sum with the output's zero point, "with_offset", in so many bits."""
    e.given("output_offset", output_offset, "the zero point of the output, LSB")
    e.derive("with_offset", f"wrap({scaled} + output_offset, {bits})")


def explain_clamp(e: Explanation, result: str, low: int | np.floating, high: int | np.floating, unit: str = "LSB") -> None:
    """Append the clamp of a result, the last step."""
    e.given("output_activation_min", low, f"the least output, {unit}")
    e.given("output_activation_max", high, f"the greatest output, {unit}")
    e.derive("y", f"clamp({result}, output_activation_min, output_activation_max)", f"the output, {unit}")


def rounded_to_int32(x: str, rounding: str = "round_half_away") -> str:
    """The formula by which a real number becomes an integer of 32 bits; what does not fit, and NaN, becomes the least one."""
    return f"{rounding}({x}) if abs({x}) < 2**31 - 0.5 else -(2**31)"


def place_of(element: tuple[int, ...], shape: tuple[int, ...]) -> int:
    """The place of an element in memory, which decides where vector code ends."""
    return int(np.ravel_multi_index(element, shape)) if element else 0


def explain_packet_sum(e: Explanation, x: str, total: str, offset: int, lanes: int = 4) -> None:
    """Append the sum of a tuple as Eigen takes it on SSE, which lies so many floats behind a boundary of 16 bytes.

    Whole packets are summed in lanes, even and odd ones apart, then the lanes; what lies before and behind one by one.
    """
    size = len(e.value(x))
    head = min(-offset % lanes, size)
    packets = (size - head) // lanes
    stop = head + packets * lanes
    if not packets:
        e.derive(total, f"sum32({x})", "one by one: there is no whole packet")
        return
    paired = head + packets // 2 * 2 * lanes
    lane = e.derive(f"{total}_pairs", f"lanes32({x}[{head}:{paired}], {2 * lanes})", "even and odd packets in lanes")
    lane = e.derive(f"{total}_lanes", f"float32({lane}[:{lanes}] + {lane}[{lanes}:])")
    if paired < stop:
        lane = e.derive(f"{total}_last", f"float32({lane} + {x}[{paired}:{stop}])", "the packet without a partner")
    across = f"float32(float32({lane}[0] + {lane}[2]) + float32({lane}[1] + {lane}[3]))"
    rest = [*range(head), *range(stop, size)]
    step = e.derive(f"{total}_packets" if rest else total, across, "across the lanes")
    for k in rest:
        step = e.derive(
            total if k == rest[-1] else f"{total}_{k}", f"float32({step} + {x}[{k}])", "what lies outside the packets"
        )
