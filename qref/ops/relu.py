"""RELU: y = max(x, 0).

Layout   x [...] -> y [...]
Types    float32; int8, uint8; int16 with zero points 0
Scales   any; rescaled by s_x / s_y in float32
Source   LiteRT, activations.cc; facts verified in tests/ops/test_relu.py
"""

from __future__ import annotations

import math

from qref.schema.enums import TensorType

from ._relu import prepare_clamp
from ._unary import QUANTIZED_8BIT
from .node import Node, Prepared


def prepare(node: Node) -> Prepared:
    """Check the operands and derive the plan."""
    return prepare_clamp(node, 0.0, math.inf, TensorType.FLOAT32, *QUANTIZED_8BIT, TensorType.INT16)
