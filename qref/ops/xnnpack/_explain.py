"""How explanations of XNNPACK's matmuls on floats go: fused multiply-adds, rows to int8; nothing of the references."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from qref.arithmetic.explanation import Explanation
from qref.ops._explain_float import FloatRange, bias_or_zero, explain_clamp, given_taps
from qref.ops._explain_hybrid import filter_scale_of
from qref.ops._explain_windows import Meeting, places, values

from ._dynamic import DynamicPlan


def explain_fused(pairs: Iterable[tuple[float, float]], b: np.ndarray | None, plan: FloatRange, channel: int) -> Explanation:
    """From the bias of that channel by one fused multiply-add for each pair of values that meet, in their order, to the clamp."""
    e = Explanation()
    explain_clamp(e, explain_chain(e, pairs, bias_or_zero(b, channel)), plan)
    return e


def explain_chain(e: Explanation, pairs: Iterable[tuple[float, float]], bias: float) -> str:
    """Append taps and their sum from the bias on; returns its name."""
    given_taps(e, pairs)
    e.given("bias", bias, "real, what the sum begins with")
    e.derive("start", "flush(bias)", "denormals are zeros, here and in all operations")
    formula = "fma_chain(flush(x), flush(w), start)"
    e.derive("running", formula, "the sum after each tap: sum + x * w, rounded once to float32")
    return e.derive("acc", "running[-1]" if e.value("running") else "start", "the sum of all taps")


def explain_dynamic_image(
    x: np.ndarray, w: np.ndarray, meetings: Sequence[Meeting], b: np.ndarray | None, plan: DynamicPlan, element: tuple[int, ...]
) -> Explanation:
    """From the image of floats and the integer weights that meet a part of it to the output's element."""
    batch, channel = element[0], element[-1]
    weights = [weight for _, weight in values(x, w, meetings)]
    row = x[batch].ravel().tolist()
    return explain_dynamic(row, places(x.shape, [i for i, _ in meetings]), weights, b, plan, channel)


def explain_dynamic(
    row: Sequence[float],
    places: Sequence[int],
    weights: Sequence[int],
    b: np.ndarray | None,
    plan: DynamicPlan,
    channel: int,
) -> Explanation:
    """From a row of floats that share a scale, those at `places` of it meeting the weights, to the output of that channel."""
    e, name = Explanation(), "x"
    if list(places) != list(range(len(row))):
        name = e.given("row", row, "all inputs that are quantized with one scale, real")
    e.given("x", [row[place] for place in places], "the inputs that meet the weights, real")
    _explain_scale(e, name)
    e.derive("scaled_x", "float32(flush(x) * inverse)", "in LSB, not yet rounded")
    formula = "cast_int32(round_half_even(clamp(scaled_x, -128.0 - zero_point, 127.0 - zero_point)))"
    e.derive("q", formula, "the inputs in int8, zero point taken off")
    e.given("w", weights, "the weights they meet, LSB")
    e.derive("products", "q * w", "of each tap")
    e.derive("acc", "wrap(sum(products), 32)", "the accumulator, in 32 bits")
    e.derive("scale", "float32(divide(1.0, inverse))", "real units of an LSB of the inputs")
    e.derive("half_scaled", "float32(float32(acc) * scale)", "in units of the weights")
    e.given("filter_scale", filter_scale_of(plan.filter_scale, channel), "real units of an LSB of the weights")
    e.given("bias", bias_or_zero(b, channel), "real")
    e.derive("total", "flush(fma(half_scaled, filter_scale, bias))", "in real units, rounded once")
    explain_clamp(e, "total", plan)
    return e


def _explain_scale(e: Explanation, row: str) -> None:
    """Append the steps between the range of a row and its zero point."""
    empty = not e.value(row)
    e.derive("low", "0.0" if empty else f"min(min(flush({row})), 0.0)", "the range of the row, with zero in it")
    e.derive("high", "0.0" if empty else f"max(max(flush({row})), 0.0)")
    formula = "float32(divide(255.0, float32(high - low))) if low < high else 1.0"
    e.derive("inverse", formula, "LSB in a real unit, which floats are multiplied with")
    e.derive("scaled_low", "float32(low * inverse)", "the ends of the range in LSB")
    e.derive("scaled_high", "float32(high * inverse)")
    e.derive(
        "nearer", "float32(float32(scaled_low - 128) + float32(scaled_high + 127))", "above 0 where the lower end gives zero"
    )
    formula = "float32(-128 - scaled_low) if nearer > 0 else float32(127 - scaled_high)"
    e.derive("position", formula, "of zero, by that end")
    e.derive("zero_point", "round_half_even(clamp(position, -128.0, 127.0))", "LSB")
