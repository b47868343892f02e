"""One output element of an integer matmul in plain Python integers, every step named; shares nothing with the references."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from ._matmul import IntegerPlan
from .node import Step

TAPS = "taps (x, w, (x + input_offset) * (w + filter_offset))"


def explain_taps(pairs: Iterable[tuple[int, int]], b: np.ndarray | None, plan: IntegerPlan, channel: int) -> list[Step]:
    """The steps from the pairs (x, w) of quantized values that meet, over bias and accumulator, to the output of `channel`."""
    taps = tuple((x, w, (x + plan.input_offset) * (w + plan.filter_offset)) for x, w in pairs)
    bias = 0 if b is None else int(b.reshape(-1)[channel])
    acc = _wrap(bias + sum(product for _, _, product in taps), plan.acc_bits)
    steps = [Step(TAPS, taps), Step("bias", bias), Step("acc", acc)]
    steps += [Step(name, value) for name, value in plan.requantize.explain(acc, channel)]
    result = _wrap(int(steps[-1].value) + plan.output_offset, 32)
    clamped = min(max(result, plan.output_activation_min), plan.output_activation_max)
    return [*steps, Step("+ output_offset", result), Step("clamped", clamped)]


def _wrap(value: int, bits: int) -> int:
    half = 1 << (bits - 1)
    return (value + half) % (2 * half) - half
