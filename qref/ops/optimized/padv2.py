"""PADV2 in LiteRT's optimized kernels: a border of -0 is one of 0, since zeros are written as zero bytes.

Source   LiteRT, optimized/optimized_ops.h; facts verified in tests/conformance
"""

from __future__ import annotations

import numpy as np

from qref.ops import padv2 as reference
from qref.ops._movement import explain_copy
from qref.ops._pad import PadPlan, pad
from qref.ops.node import Node, Prepared


def prepare(node: Node) -> Prepared:
    """The reference's plan."""
    prepared = reference.prepare(node)
    if node.input(0).dtype.kind != "f":
        return prepared
    return Prepared(pad_with_zero_bytes, prepared.plan, explain_copy(pad_with_zero_bytes, 0, 2))


def pad_with_zero_bytes(x: np.ndarray, paddings: np.ndarray, value: np.ndarray, plan: PadPlan) -> np.ndarray:
    """Return y float32 or float16."""
    return pad(x, paddings, value + value.dtype.type(0), plan)
