"""SELECT_V2: z = condition ? x : y.

Layout   condition, x, y that broadcast to one shape -> z of that shape
         (all with one element: z has the shape that the file declares)
Types    condition bool; x, y anything of 8 to 64 bits; no scale is looked at
Source   facts verified in tests/ops/test_select.py
"""

from __future__ import annotations

from ._elementwise import broadcast_shape
from ._movement import explain_copy
from ._select import SelectPlan, declared_shape, select, select_operands
from .node import Node, Prepared


def prepare(node: Node) -> Prepared:
    """Check the operands."""
    condition, x, y = select_operands(node)
    shape = declared_shape(node)
    node.resize(0, broadcast_shape(node, condition, x, y) if shape is None else shape)
    return Prepared(select, SelectPlan(condition.shape, node.output().shape), explain_copy(select, 1, 2))
