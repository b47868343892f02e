"""LOCAL_RESPONSE_NORMALIZATION of LiteRT's optimized kernels: a running sum of alpha * x^2, all in float32.

Note     the last bits of results may differ from LiteRT's: its reciprocals follow a table of the CPU, its powers are Eigen's
Source   LiteRT, optimized/optimized_ops.h; facts verified in tests/conformance
"""

from __future__ import annotations

import numpy as np

from .. import local_response_normalization as base
from ..local_response_normalization import LocalResponsePlan
from ..node import Node, Prepared


def prepare(node: Node) -> Prepared:
    """Check the operands and read the options."""
    return Prepared(local_response_normalization, base.prepare(node).plan)


@np.errstate(all="ignore")
def local_response_normalization(x: np.ndarray, plan: LocalResponsePlan) -> np.ndarray:
    """Return y float32.

    t[c] = alpha * x[c]^2, 0 outside the channels;  s = bias + t[-radius] + ... + t[radius - 1]
    for c = 0, 1, ...:  s += t[c + radius];  y[c] = x[c] * power(s);  s -= t[c - radius]
    power: 1 / s for beta 1, 1 / sqrt(s) for beta 1/2, else s^-beta
    """
    channels = x.shape[-1]
    radius = min(plan.radius, channels)
    t = np.zeros((*x.shape[:-1], channels + 2 * radius), np.float32)
    t[..., radius : radius + channels] = x * x * np.float32(plan.alpha)
    total, sums = np.full(x.shape[:-1], plan.bias, np.float32), np.empty_like(x)
    for c in range(2 * radius):
        total = total + t[..., c]
    for c in range(channels):
        total = total + t[..., c + 2 * radius]
        sums[..., c] = total
        total = total - t[..., c]
    if plan.beta == 1:
        return x * (np.float32(1) / sums)
    if plan.beta == 0.5:
        return x * (np.float32(1) / np.sqrt(sums))
    return x * np.power(sums.astype(np.float64), -np.float32(plan.beta)).astype(np.float32)
