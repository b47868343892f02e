"""REDUCE_ANY: y = whether any element of x over some axes is true.

Layout   x [...], axes [n] int32 -> y without these axes, or with 1 in their place (keep_dims)
Types    x, y bool
"""

from __future__ import annotations

import numpy as np

from qref.arithmetic.explanation import Explanation
from qref.schema.enums import TensorType

from ._reduction import ReducePlan, prepare_reduction, rows, summed_values
from .node import Node, Prepared


def prepare(node: Node) -> Prepared:
    """Check the operands and derive the plan."""
    return Prepared(reduce_any, prepare_reduction(node, TensorType.BOOL), explain)


def reduce_any(x: np.ndarray, axis: np.ndarray, plan: ReducePlan) -> np.ndarray:
    """Return y bool."""
    return rows(x, plan.axes).any(axis=1).reshape(plan.output_shape)


def explain(x: np.ndarray, axis: np.ndarray, plan: ReducePlan, element: tuple[int, ...]) -> Explanation:
    """Explain y[element]."""
    e = Explanation()
    e.given("x", summed_values(x, plan.axes, element), "the inputs that the output is made of")
    e.derive("y", "int_of(sum(x) > 0)", "whether any is true")
    return e
