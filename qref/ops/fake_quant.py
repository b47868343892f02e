"""FAKE_QUANT: x quantized to num_bits between min and max, and back, in float32.

    scale = (max - min) / (2^num_bits - 1),  zero_point = round(-min / scale) within 0 to 2^num_bits - 1
    nudged_min, nudged_max = (0 - zero_point) * scale, (2^num_bits - 1 - zero_point) * scale
    y = round((clamp(x) - nudged_min) * (1 / scale)) * scale + nudged_min

Layout   x [...] -> y [...]
Types    float32; 1 to 16 bits, min < max, not narrow_range
Note     NaN gives nudged_min
Source   facts verified in tests/ops/test_fake_quant.py
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qref.arithmetic.fixed_point import round_half_away
from qref.schema.enums import TensorType

from ._elementwise import check_counts
from ._formulas import explain_by
from .node import Node, Prepared


@dataclass(frozen=True, slots=True)
class FakeQuantPlan:
    """The range, moved so that 0 is one of its steps."""

    scale: np.float32
    nudged_min: np.float32
    nudged_max: np.float32


EXPLAIN = explain_by(
    ("not_below", "x if nudged_min < x else nudged_min", "clamped from below"),
    ("clamped", "not_below if not_below < nudged_max else nudged_max", "clamped from above"),
    ("shifted", "float32(clamped - nudged_min)", ""),
    ("reciprocal", "float32(1 / scale)", ""),
    ("steps", "float32(shifted * reciprocal)", "LSB"),
    ("rounded", "round_half_away(steps)", "ties away from zero"),
    ("product", "float32(rounded * scale)", ""),
    ("y", "float32(product + nudged_min)", ""),
    nudged_min="the least number",
    nudged_max="the greatest number",
    scale="the step between numbers",
)


def prepare(node: Node) -> Prepared:
    """Check the options and derive the range."""
    check_counts(node, 1)
    x = node.input(0)
    node.expect_type(x, TensorType.FLOAT32)
    node.resize(0, x.shape, TensorType.FLOAT32)
    low, high = np.float32(node.options.get("min", 0.0)), np.float32(node.options.get("max", 0.0))
    bits = node.options.get("num_bits", 0)
    node.expect(low < high, f"min is {low:g} and max {high:g}; expected min < max")
    node.expect(1 <= bits <= 16, f"num_bits is {bits}; expected 1 to 16")
    node.expect(
        not node.options.get("narrow_range", False), "narrow_range is set; it is meant for weights: quantize them instead"
    )
    steps = np.float32(2**bits - 1)
    with np.errstate(all="ignore"):
        scale = (high - low) / steps
        zero_point = np.clip(round_half_away(-low / scale), np.float32(0), steps)
        plan = FakeQuantPlan(scale, -zero_point * scale, (steps - zero_point) * scale)
    node.expect(np.isfinite(plan.scale) and plan.scale > 0, f"min {low:g} and max {high:g} give no finite scale above 0")
    return Prepared(fake_quant, plan, EXPLAIN)


@np.errstate(all="ignore")
def fake_quant(x: np.ndarray, plan: FakeQuantPlan) -> np.ndarray:
    """Return y = round((clamp(x) - nudged_min) / scale) * scale + nudged_min."""
    clamped = np.where(plan.nudged_min < x, x, plan.nudged_min)
    shifted = np.where(clamped < plan.nudged_max, clamped, plan.nudged_max) - plan.nudged_min
    return np.asarray(round_half_away(shifted * (np.float32(1) / plan.scale)) * plan.scale + plan.nudged_min)
