"""PRELU in XNNPACK: float32 with a constant alpha, y = x * alpha below zero, else x.

All else is left to LiteRT.
Source   facts verified in tests/ops/test_elementwise_runtimes.py
"""

from __future__ import annotations

import numpy as np

from qref.ops import prelu as reference
from qref.ops._formulas import explain_by
from qref.ops.node import Node, Prepared

from ._delegate import has_rank, is_float32, is_static
from ._float import slope_below_zero, slope_formulas


def prepare(node: Node) -> Prepared | None:
    """Derive the plan; None for what the delegate leaves."""
    if len(node.inputs) != 2 or len(node.outputs) != 1 or not all(is_float32(o) for o in (*node.inputs, *node.outputs)):
        return None
    if not is_static(node, node.input(1)) or not has_rank(node.input(0)):
        return None
    reference.prepare(node)
    return Prepared(prelu, None, explain_by(*slope_formulas("x1", "x2")))


def prelu(x: np.ndarray, alpha: np.ndarray, plan: None) -> np.ndarray:
    """Return y = x * alpha below zero, else x."""
    return slope_below_zero(x, alpha)
