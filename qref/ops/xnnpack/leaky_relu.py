"""LEAKY_RELU in XNNPACK.

Types    int8, uint8, per tensor; float32; all else is left to LiteRT
Scales   SingleRounding8 of s_x / s_y, in [2^-8, 2^7], for x >= 0, and of float32(s_x / s_y) * alpha below, of magnitude 2^-8 or
         more and in [-127.99609375, 2^7]
Source   facts verified in tests/ops/test_elementwise_runtimes.py
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from qref.arithmetic.requantize import SingleRounding8
from qref.ops import leaky_relu as reference
from qref.ops._formulas import explain_by
from qref.ops.node import Node, Prepared

from ._delegate import is_float32, is_q8, scale_ratio
from ._float import slope_below_zero, slope_formulas

LEAST, GREATEST = np.float32(2**-8), np.float32(2**7)
LEAST_NEGATIVE = np.float32(-127.99609375)


def prepare(node: Node) -> Prepared | None:
    """The reference's plan with XNNPACK's rounding; None for what the delegate leaves."""
    if len(node.inputs) != 1 or len(node.outputs) != 1 or node.inputs[0] is None:
        return None
    x, y, alpha = node.inputs[0], node.outputs[0], np.float32(node.options.get("alpha", 0.0))
    if x.type != y.type or not np.isfinite(alpha) or alpha == 0:
        return None
    if is_float32(x):
        plan = reference.prepare(node).plan
        return Prepared(leaky_relu_float32, plan, explain_by(*slope_formulas("x", "alpha"), alpha="the slope below zero"))
    if not (is_q8(x) and is_q8(y)):
        return None
    positive = scale_ratio(x, y)
    with np.errstate(all="ignore"):
        negative = np.float32(positive * alpha)
    if not (LEAST <= positive <= GREATEST and LEAST_NEGATIVE <= negative <= GREATEST and abs(negative) >= LEAST):
        return None
    prepared = reference.prepare(node)
    rules = {
        "requantize": SingleRounding8.of(np.array([positive])),
        "requantize_alpha": SingleRounding8.of(np.array([negative])),
        "alpha_sign": 1,
    }
    return replace(prepared, plan=replace(prepared.plan, **rules))


def leaky_relu_float32(x: np.ndarray, plan: reference.Float32LeakyReluPlan) -> np.ndarray:
    """Return y[i] = x[i] * alpha below zero, else x[i]."""
    return slope_below_zero(x, np.asarray(plan.alpha, np.float32))
