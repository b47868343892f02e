"""MAXIMUM and MINIMUM in XNNPACK: float32, whose denormals are zero, and float16, whose denormals stay; else LiteRT's own.

Of 0 and -0, and where there is a NaN, the second operand is the result, or the first one where it alone does not move along the
innermost axis: then XNNPACK exchanges them.

Source   facts verified in tests/ops/test_elementwise_runtimes.py
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np

from qref.ops._elementwise import operands
from qref.ops._formulas import explain_by
from qref.ops.node import Node, Prepared, Shape
from qref.schema.enums import TensorType

from ._delegate import is_float, is_float16
from ._float import prepare_float
from ._vadd import is_taken


@dataclass(frozen=True, slots=True)
class ExtremumPlan:
    """Which element is better, and whether the operands are exchanged."""

    better: np.ufunc
    exchanged: bool


def prepare_extremum(node: Node, better: np.ufunc) -> Prepared | None:
    """Derive the plan; None for what the delegate leaves."""
    if not is_taken(node) or not is_float(node.input(0)):
        return None
    exchanged = stands_still(node.input(0).shape, node.input(1).shape)
    half = is_float16(node.input(0))
    first, second = [f"{'x' if half else 'v'}{number}" for number in ((2, 1) if exchanged else (1, 2))]
    formula = f"{first} if {first} {'>' if better is np.greater else '<'} {second} else {second}"
    if half:
        operands(node, TensorType.FLOAT16)
        return Prepared(extremum_float16, ExtremumPlan(better, exchanged), explain_by(("y", formula, "the better one")))
    function = functools.partial(extremum, better=better, exchanged=exchanged)
    return prepare_float(node, function, ("raw", formula, "the better one"))


def extremum_float16(x1: np.ndarray, x2: np.ndarray, plan: ExtremumPlan) -> np.ndarray:
    """Return y [...] float16."""
    return extremum(x1, x2, plan.better, plan.exchanged)


def stands_still(first: Shape, second: Shape) -> bool:
    """Whether the first operand is one element along the innermost axis of which the second has more.

    >>> stands_still((2, 1), (2, 3)), stands_still((3, 1), (2, 1, 1))
    (True, False)
    """
    rank = max(len(first), len(second))
    pairs = zip((1,) * (rank - len(first)) + first, (1,) * (rank - len(second)) + second)
    innermost = next((pair for pair in reversed(list(pairs)) if pair != (1, 1)), (1, 1))
    return innermost[0] == 1 and innermost[1] > 1


def extremum(x1: np.ndarray, x2: np.ndarray, better: np.ufunc, exchanged: bool) -> np.ndarray:
    """Return y = x1 where it is better than x2, else x2; exchanged: the other way round."""
    first, second = (x2, x1) if exchanged else (x1, x2)
    return np.where(better(first, second), first, second)
