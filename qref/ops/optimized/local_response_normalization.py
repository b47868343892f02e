"""LOCAL_RESPONSE_NORMALIZATION of LiteRT's optimized kernels: a running sum of alpha * x^2, all in float32.

Note     with a beta other than 1 and 1/2 the last bit may differ from LiteRT's: Eigen's power is not the nearest float32 number
Source   LiteRT, optimized/optimized_ops.h; facts verified in tests/conformance
"""

from __future__ import annotations

import numpy as np

from qref.arithmetic.explanation import Explanation

from .. import local_response_normalization as base
from ..local_response_normalization import LocalResponsePlan
from ..node import Node, Prepared


def prepare(node: Node) -> Prepared:
    """Check the operands and read the options."""
    return Prepared(local_response_normalization, base.prepare(node).plan, explain)


@np.errstate(all="ignore")
def local_response_normalization(x: np.ndarray, plan: LocalResponsePlan) -> np.ndarray:
    """Return y float32.

    t[c] = alpha * x[c]^2, 0 outside the channels;  s = t[-radius] + ... + t[radius - 1]
    for c = 0, 1, ...:  s += t[c + radius];  y[c] = x[c] * power(bias + s);  s -= t[c - radius]
    power: 1 / s for beta 1, 1 / sqrt(s) for beta 1/2, else s^-beta
    """
    channels = x.shape[-1]
    radius = min(plan.radius, channels)
    t = np.zeros((*x.shape[:-1], channels + 2 * radius), np.float32)
    t[..., radius : radius + channels] = x * x * np.float32(plan.alpha)
    total, sums = np.zeros(x.shape[:-1], np.float32), np.empty_like(x)
    for c in range(2 * radius):
        total = total + t[..., c]
    for c in range(channels):
        total = total + t[..., c + 2 * radius]
        sums[..., c] = np.float32(plan.bias) + total
        total = total - t[..., c]
    if plan.beta == 1:
        return x * (np.float32(1) / sums)
    if plan.beta == 0.5:
        return x * (np.float32(1) / np.sqrt(sums))
    return x * np.power(sums.astype(np.float64), -np.float32(plan.beta)).astype(np.float32)


def explain(x: np.ndarray, plan: LocalResponsePlan, element: tuple[int, ...]) -> Explanation:
    """Explain y[element]."""
    e, channel, radius = Explanation(), element[-1], min(plan.radius, x.shape[-1])
    e.given("row", x[element[:-1]], "the channels of the pixel")
    for name in ("bias", "alpha", "beta"):
        e.given(name, np.float32(getattr(plan, name)), "an option")
    e.given("border", (0.0,) * radius, "outside the channels")
    e.derive("t", "joined(border, float32(float32(row * row) * alpha), border)")
    terms = [f"t[:{2 * radius}]", *(f"-t[{c}:{c + 1}], t[{c + 1 + 2 * radius}:{c + 2 + 2 * radius}]" for c in range(channel))]
    terms.insert(1, f"t[{2 * radius}:{2 * radius + 1}]")
    e.derive("terms", f"joined({', '.join(terms)})", "what comes into the window, and what leaves it")
    e.derive("total", "sum32(terms)", "in this order from 0, every step rounded to float32")
    e.derive("scale", "float32(bias + total)")
    powers = {1.0: "divide(1.0, scale)", 0.5: "divide(1.0, sqrt(scale))"}
    e.derive("power", f"float32({powers.get(plan.beta, 'pow(scale, -beta)')})")
    e.derive("y", f"float32(row[{channel}] * power)", "the output")
    return e
