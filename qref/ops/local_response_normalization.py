"""LOCAL_RESPONSE_NORMALIZATION: y = x * (bias + alpha * sum of squares)^-beta, over the channels around.

Layout   x [N, H, W, C] -> y [N, H, W, C]
Types    float32
Source   LiteRT, reference_ops.h; facts verified in tests/ops/test_normalization.py
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qref.arithmetic.explanation import Explanation
from qref.arithmetic.libm import pow
from qref.schema.enums import TensorType

from ._convolution import expect_rank
from ._unary import operands
from .node import Node, Prepared


@dataclass(frozen=True, slots=True)
class LocalResponsePlan:
    """The operator's options."""

    radius: int
    bias: float
    alpha: float
    beta: float


def prepare(node: Node) -> Prepared:
    """Check the operands and read the options."""
    x, _ = operands(node, TensorType.FLOAT32)
    expect_rank(node, x, *"NHWC")
    radius = node.options.get("radius", 0)
    node.expect(0 <= radius < 2**30, f"radius is {radius}; expected 0 or more, and below 2^30")
    bias, alpha, beta = (float(node.options.get(name, 0.0)) for name in ("bias", "alpha", "beta"))
    return Prepared(local_response_normalization, LocalResponsePlan(radius, bias, alpha, beta), explain)


def local_response_normalization(x: np.ndarray, plan: LocalResponsePlan) -> np.ndarray:
    """Return y float32.

    s[c] = x[c - radius]^2 + ... + x[c + radius - 1]^2     from 0 in this order, inside the channels; c + radius is not in it
    y[c] = x[c] * float32((bias + alpha * s[c])^-beta)     the power in float64
    """
    channels = x.shape[-1]
    radius = min(plan.radius, channels)
    total = np.zeros_like(x)
    with np.errstate(all="ignore"):
        square = x * x
        for offset in range(-radius, radius):
            first, last = max(0, -offset), min(channels, channels - offset)
            total[..., first:last] += square[..., first + offset : last + offset]
        return x * pow(plan.bias + plan.alpha * total.astype(np.float64), -plan.beta).astype(np.float32)


def explain(x: np.ndarray, plan: LocalResponsePlan, element: tuple[int, ...]) -> Explanation:
    """Explain y[element]."""
    e, channel = Explanation(), element[-1]
    row = x[element[:-1]]
    e.given("x", row[channel], "the element")
    e.given(
        "around", row[max(0, channel - plan.radius) : channel + plan.radius], "the channels from c - radius to c + radius - 1"
    )
    for name in ("bias", "alpha", "beta"):
        e.given(name, getattr(plan, name), "an option")
    e.derive("squares", "float32(around * around)")
    e.derive("total", "sum32(squares)", "one by one")
    e.derive("power", "pow(bias + alpha * total, -beta)", "in float64")
    e.derive("y", "float32(x * float32(power))")
    return e
