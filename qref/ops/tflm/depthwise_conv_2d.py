"""DEPTHWISE_CONV_2D as TFLM computes it: as LiteRT's reference, with the option depth_multiplier, which it reads."""

from __future__ import annotations

from qref.ops.depthwise_conv_2d import prepare as prepare_base
from qref.ops.node import Node, Prepared


def prepare(node: Node) -> Prepared:
    """Check the operands and derive the plan."""
    prepared = prepare_base(node)
    found, multiplier = node.options.get("depth_multiplier", 0), prepared.plan.depth_multiplier
    node.expect(found == multiplier, f"depth_multiplier is {found}; expected {multiplier}, output channels by input channels")
    return prepared
