"""SCATTER_ND: zeros, with updates added at given coordinates; where coordinates repeat, in their order.

Layout   coordinates [P..., k] int32, updates [P..., the axes of y from k on], shape [n] int32 -> y of that shape
Types    updates, y float32, int8, uint8, int32, int64 (wrap) or bool (or)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qref.arithmetic.explanation import Explanation
from qref.schema.enums import TensorType

from ._explain_fold import explain_fold
from ._movement import copied, index_vector
from .gather_nd import split_coordinates
from .node import Node, Prepared, Shape

TYPES = (TensorType.FLOAT32, TensorType.INT8, TensorType.UINT8, TensorType.INT32, TensorType.INT64, TensorType.BOOL)


@dataclass(frozen=True, slots=True)
class ScatterPlan:
    """The shape of y, and the operator's name for messages."""

    output_shape: Shape
    name: str


def prepare(node: Node) -> Prepared:
    """Check the operands and derive the plan."""
    coordinates, updates, shape = node.input(0), node.input(1), node.input(2)
    node.expect_type(coordinates, TensorType.INT32)
    copied(node, updates, *TYPES)
    wanted = index_vector(node, shape, TensorType.INT32)
    node.expect(coordinates.shape and updates.shape, f"{coordinates} and {updates} need at least one dimension")
    node.resize(0, wanted)
    depth = coordinates.shape[-1]
    expected = coordinates.shape[:-1] + wanted[depth:]
    fits = 0 < depth <= len(wanted) and updates.shape == expected
    node.expect(fits, f"updates {updates} have shape {list(updates.shape)}; expected {list(expected)} for y {list(wanted)}")
    return Prepared(scatter_nd, ScatterPlan(wanted, str(node)), explain)


def scatter_nd(coordinates: np.ndarray, updates: np.ndarray, shape: np.ndarray, plan: ScatterPlan) -> np.ndarray:
    """Return y; InputError where a coordinate is out of range."""
    y = np.zeros(plan.output_shape, updates.dtype)
    add = np.logical_or if y.dtype == bool else np.add
    with np.errstate(all="ignore"):
        add.at(y, split_coordinates(coordinates, y.shape, plan.name), updates)
    return y


def explain(
    coordinates: np.ndarray, updates: np.ndarray, shape: np.ndarray, plan: ScatterPlan, element: tuple[int, ...]
) -> Explanation:
    """Explain y[element]."""
    depth = coordinates.shape[-1]
    places = [place for place in np.ndindex(coordinates.shape[:-1]) if tuple(coordinates[place].tolist()) == element[:depth]]
    found = [updates[(*place, *element[depth:])].item() for place in places]
    return explain_fold(found, 0.0 if updates.dtype.kind == "f" else 0, "any" if updates.dtype == bool else "sum", updates.dtype)
