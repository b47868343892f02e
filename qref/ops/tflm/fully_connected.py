"""FULLY_CONNECTED as TFLM computes it: in fixed point throughout.

Types    as LiteRT's reference, but no hybrid and no sparse form
Scales   per tensor, the product s_x * s_w is taken in float32
"""

from __future__ import annotations

from qref.ops import fully_connected as base
from qref.ops._matmul import effective_scale, with_plan
from qref.ops.node import Node, Prepared


def prepare(node: Node) -> Prepared:
    """Check the operands and derive the plan."""
    prepared = base.prepare(node)
    x, w, y = node.input(0), node.input(1), node.output()
    if w.tensor.sparsity is not None:
        node.unsupported(f"weights {w} are sparse, which TFLM does not see; store them densely")
    if not isinstance(prepared.plan, base.FullyConnectedPlan):
        return prepared
    scale = effective_scale(node, x, w, y, w.shape[0], float32_product=w.scales.size == 1)
    return with_plan(prepared, requantize=node.requantize(scale, prepared.plan.acc_bits))
