"""The quotient of scales as TFLM forms it: in float64, where LiteRT takes float32."""

from __future__ import annotations

import numpy as np

from qref.arithmetic.requantize import Requantize
from qref.ops._unary import scales
from qref.ops.node import Node


def requantize_by_scales(node: Node, factor: float = 1.0) -> Requantize:
    """The runtime's rule for s_x * factor / s_y of an operator of one operand."""
    input_scale, output_scale = scales(node, node.input(0), node.output())
    return node.requantize(np.float64(input_scale) * factor / np.float64(output_scale))
