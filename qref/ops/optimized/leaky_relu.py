"""LEAKY_RELU in LiteRT's optimized kernels: as the reference, but int16 scales by a negative alpha's own, negative multiplier.

The product's ties then go up, before a negation would have turned them down.
Source   facts verified in tests/ops/test_elementwise_runtimes.py
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from qref.ops import leaky_relu as reference
from qref.ops._unary import ratio
from qref.ops.node import Node, Prepared
from qref.schema.enums import TensorType


def prepare(node: Node) -> Prepared:
    """The reference's plan, the sign of alpha in the multiplier for int16."""
    prepared = reference.prepare(node)
    x, y, plan = node.input(0), node.output(), prepared.plan
    if x.type != TensorType.INT16 or plan.alpha_sign > 0:
        return prepared
    rule = node.requantize(ratio(x.scale * np.float32(node.options.get("alpha", 0.0)), y.scale))
    return replace(prepared, plan=replace(plan, requantize_alpha=rule, alpha_sign=1))
