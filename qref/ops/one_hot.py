"""ONE_HOT: a new axis with `on` at the given position and `off` elsewhere.

Layout   positions [...] int32 or int64, depth [] int32, on [], off [] -> y with an axis of depth more; axis -1: as the last
Types    on, off, y float32, int8, uint8, int32, int64 or bool; y takes the type of on

A position that is out of range gives `off` throughout.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qref.arithmetic.explanation import Explanation
from qref.schema.enums import TensorType

from ._movement import INDEX, axis_of, index_scalar
from .node import Node, Prepared

TYPES = (TensorType.FLOAT32, TensorType.INT8, TensorType.UINT8, TensorType.INT32, TensorType.INT64, TensorType.BOOL)


@dataclass(frozen=True, slots=True)
class OneHotPlan:
    """The new axis and its length."""

    axis: int
    depth: int


def prepare(node: Node) -> Prepared:
    """Check the operands and derive the plan."""
    positions, depth, on, off = (node.input(position) for position in range(4))
    node.expect_type(positions, *INDEX)
    node.expect_type(on, *TYPES)
    node.expect_type(off, on.type)
    for operand in (on, off):
        node.expect(np.prod(operand.shape) == 1, f"{operand} has shape {list(operand.shape)}; expected a single value")
    axis = axis_of(node, node.options.get("axis", -1), len(positions.shape) + 1)
    count = index_scalar(node, depth, TensorType.INT32)
    node.resize(0, (*positions.shape[:axis], count, *positions.shape[axis:]), on.type)
    return Prepared(one_hot, OneHotPlan(axis, count), explain)


def one_hot(positions: np.ndarray, depth: np.ndarray, on: np.ndarray, off: np.ndarray, plan: OneHotPlan) -> np.ndarray:
    """Return y."""
    hot = np.expand_dims(positions, -1) == np.arange(plan.depth)
    return np.ascontiguousarray(np.moveaxis(np.where(hot, on.reshape(()), off.reshape(())), -1, plan.axis))


def explain(
    positions: np.ndarray, depth: np.ndarray, on: np.ndarray, off: np.ndarray, plan: OneHotPlan, element: tuple[int, ...]
) -> Explanation:
    """Explain y[element]."""
    e = Explanation()
    e.given("position", positions[(*element[: plan.axis], *element[plan.axis + 1 :])], "the one that is on")
    e.given("place", element[plan.axis], "of the output's element along the new axis")
    e.given("on", on.reshape(-1)[0])
    e.given("off", off.reshape(-1)[0])
    e.derive("y", "on if position == place else off", "the output")
    return e
