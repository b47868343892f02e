"""RELU6 as TFLM computes it: quantized, x is clamped as it stands, to what 0 and 6 are in its own scale; y's is not read."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qref.arithmetic.fixed_point import round_half_away
from qref.ops import relu6 as base
from qref.ops._formulas import explain_by
from qref.ops._unary import expect_representable_zero
from qref.ops.node import Node, Prepared
from qref.schema.enums import TensorType


@dataclass(frozen=True, slots=True)
class Relu6Plan:
    """What 0 and 6 are in the input's scale, LSB."""

    zero: int
    six: int


def prepare(node: Node) -> Prepared:
    """Check the operands and derive the plan."""
    prepared = base.prepare(node)
    x = node.input(0)
    if x.type == TensorType.FLOAT32:
        return prepared
    expect_representable_zero(node, x)
    node.expect(x.scale > 0, f"{x} has the scale {x.scale}; expected one above 0")
    limits = np.iinfo(x.dtype)
    six = round_half_away(np.float32(6) / x.scale) + x.zero_point
    return Prepared(relu6, Relu6Plan(x.zero_point, int(np.clip(six, limits.min, limits.max))), explain)


def relu6(x: np.ndarray, plan: Relu6Plan) -> np.ndarray:
    """Return y[i] = min(max(x[i], zero), six)."""
    return np.asarray(np.clip(x, plan.zero, plan.six))


explain = explain_by(
    ("y", "clamp(x, zero, six)", "as it stands, whatever the scale of the output"),
    zero="what 0 is in the input's scale, LSB",
    six="what 6 is, at most what the type holds, LSB",
)
