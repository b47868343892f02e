"""SELECT: z = condition ? x : y.

Layout   x, y of one shape; condition of that shape, a scalar, or [x.shape[0]] -> z of that shape
         (all with one element: z has the shape that the file declares)
Types    condition bool; x, y anything of 8 to 64 bits; no scale is looked at
Source   facts verified in tests/ops/test_select.py
"""

from __future__ import annotations

from ._movement import explain_copy
from ._select import SelectPlan, declared_shape, select, select_operands
from .node import Node, Prepared


def prepare(node: Node) -> Prepared:
    """Check the operands."""
    condition, x, y = select_operands(node)
    shape = declared_shape(node)
    if shape is not None:
        node.resize(0, shape)
        return Prepared(select, SelectPlan((), shape), explain_copy(select, 1, 2))
    node.expect(x.shape == y.shape, f"{x} has shape {list(x.shape)} and {y} {list(y.shape)}; expected one: use SELECT_V2")
    shape = condition.shape
    if shape != x.shape and shape != ():
        fits = len(shape) == 1 and len(x.shape) > 0 and shape[0] == x.shape[0]
        node.expect(fits, f"the condition has shape {list(shape)}; expected {list(x.shape)}, [] or {list(x.shape[:1])}")
        shape = shape + (1,) * (len(x.shape) - 1)
    node.resize(0, x.shape)
    return Prepared(select, SelectPlan(shape, x.shape), explain_copy(select, 1, 2))
