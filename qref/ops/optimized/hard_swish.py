"""HARD_SWISH of the optimized kernels: y = x * relu6(x + 3) / 6.

Types    float32: (x / 6) * relu6(x + 3), in the last size % 4 elements (x * relu6(x + 3)) / 6, each 1/6 a float32 factor
         int8, uint8: as the reference
Source   LiteRT, optimized/optimized_ops.h; facts verified in tests/ops/test_unary_optimized.py
"""

from __future__ import annotations

import numpy as np

from qref.schema.enums import TensorType

from .. import hard_swish as base
from .._eigen import LANES
from .._formulas import derive_all, explain_in_packets
from .._function_formulas import HARD_SWISH_PACKET, HARD_SWISH_TAIL
from .._unary import prepare_function
from ..node import Node, Prepared

EXPLAIN = explain_in_packets(lambda e: derive_all(e, HARD_SWISH_PACKET), lambda e: derive_all(e, HARD_SWISH_TAIL))
SIXTH = np.float32(1 / 6)


def prepare(node: Node) -> Prepared:
    """Check the operands; take the rule that differs from the reference's."""
    prepared = base.prepare(node)
    return prepare_function(hard_swish, EXPLAIN) if node.input(0).type == TensorType.FLOAT32 else prepared


def hard_swish(x: np.ndarray) -> np.ndarray:
    """Return y[i] float32."""
    relu6 = np.clip(x + np.float32(3), np.float32(0), np.float32(6))
    in_packet = (np.arange(x.size) < x.size // LANES * LANES).reshape(x.shape)
    return np.where(in_packet, x * SIXTH * relu6, x * relu6 * SIXTH)
