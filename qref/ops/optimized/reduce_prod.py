"""REDUCE_PROD in LiteRT's optimized kernels: as the reference; quantized x is copied where every reduced axis has one element.

Source   facts verified in tests/conformance
"""

from __future__ import annotations

import numpy as np

from qref.ops import reduce_prod as reference
from qref.ops._movement import explain_copy
from qref.ops._reduction import reduced_count
from qref.ops.node import Node, Prepared


def prepare(node: Node) -> Prepared:
    """The reference's plan."""
    prepared = reference.prepare(node)
    if isinstance(prepared.plan, reference.QuantizedProductPlan) and reduced_count(node.input(0).shape, prepared.plan.axes) == 1:
        return Prepared(copy, prepared.plan, explain_copy(copy, 0))
    return prepared


def copy(x: np.ndarray, axis: np.ndarray, plan: reference.QuantizedProductPlan) -> np.ndarray:
    """Return y: x as it is stored, whatever the scales."""
    return x.reshape(plan.output_shape).copy()
