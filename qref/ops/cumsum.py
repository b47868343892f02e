"""CUMSUM: y[i] = x[0] + ... + x[i] along one axis.

Layout   x [...], axis [] int32 -> y like x; `exclusive` leaves x[i] out, `reverse` sums from the end
Types    x, y float32, int32 or int64 (wrap)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qref.arithmetic.explanation import Explanation
from qref.schema.enums import TensorType

from ._movement import axis_of, copied, index_scalar
from .node import Node, Prepared


@dataclass(frozen=True, slots=True)
class CumsumPlan:
    """The axis and the two options."""

    axis: int
    exclusive: bool
    reverse: bool


def prepare(node: Node) -> Prepared:
    """Check the operands and derive the plan."""
    x, axis = node.input(0), node.input(1)
    copied(node, x, TensorType.FLOAT32, TensorType.INT32, TensorType.INT64)
    position = axis_of(node, index_scalar(node, axis, TensorType.INT32), len(x.shape))
    node.resize(0, x.shape)
    options = node.options
    return Prepared(
        cumsum, CumsumPlan(position, bool(options.get("exclusive", False)), bool(options.get("reverse", False))), explain
    )


def cumsum(x: np.ndarray, axis: np.ndarray, plan: CumsumPlan) -> np.ndarray:
    """Return y of the type of x; float32 sums start at 0 and round at every step."""
    terms = np.moveaxis(x, plan.axis, 0)
    terms = terms[::-1] if plan.reverse else terms
    with np.errstate(all="ignore"):
        y = np.add.accumulate(np.concatenate([np.zeros_like(terms[:1]), terms]), axis=0, dtype=x.dtype)
    y = y[:-1] if plan.exclusive else y[1:]
    y = y[::-1] if plan.reverse else y
    return np.ascontiguousarray(np.moveaxis(y, 0, plan.axis))


def explain(x: np.ndarray, axis: np.ndarray, plan: CumsumPlan, element: tuple[int, ...]) -> Explanation:
    """Explain y[element]."""
    e, i = Explanation(), element[plan.axis]
    line = x[tuple(slice(None) if k == plan.axis else n for k, n in enumerate(element))]
    terms = line[i + plan.exclusive :][::-1] if plan.reverse else line[: i + (not plan.exclusive)]
    e.given("x", terms, "the inputs up to here, in the order in which they are summed")
    e.derive("y", "sum32(x)" if x.dtype.kind == "f" else f"wrap(sum(x), {8 * x.dtype.itemsize})", "one by one; integers wrap")
    return e
