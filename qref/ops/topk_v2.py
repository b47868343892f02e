"""TOPK_V2: the k greatest elements of each row of x, in falling order, and where they are; of equal ones the first comes first.

Layout   x [..., n], k [] int32 or int16 -> values [..., k], positions [..., k]
Types    x, values float32, int8, uint8, int16, int32 or int64; positions int32 or int16
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qref.arithmetic.explanation import Explanation
from qref.schema.enums import TensorType

from ._movement import QUANTIZED, copied, index_scalar
from .node import Node, Prepared

TYPES = (*QUANTIZED, TensorType.FLOAT32, TensorType.INT32, TensorType.INT64)


@dataclass(frozen=True, slots=True)
class TopkPlan:
    """How many, and the type of the positions."""

    k: int
    position_dtype: np.dtype


def prepare(node: Node) -> Prepared:
    """Check the operands and derive the plan."""
    x, k, positions = node.input(0), node.input(1), node.output(1)
    copied(node, x, *TYPES)
    node.expect_type(positions, TensorType.INT32, TensorType.INT16)
    count = index_scalar(node, k, TensorType.INT32, TensorType.INT16)
    node.expect(
        x.shape and 0 <= count <= x.shape[-1], f"k is {count}; expected at most the last dimension of {x}, {list(x.shape)}"
    )
    for position in (0, 1):
        node.resize(position, (*x.shape[:-1], count))
    return Prepared(topk, TopkPlan(count, positions.dtype), explain)


def topk(x: np.ndarray, k: np.ndarray, plan: TopkPlan) -> tuple[np.ndarray, np.ndarray]:
    """Return values and positions."""
    n = x.shape[-1]
    order = n - 1 - np.argsort(x[..., ::-1], axis=-1, kind="stable")[..., ::-1][..., : plan.k]
    return np.take_along_axis(x, order, axis=-1), order.astype(plan.position_dtype)


def explain(x: np.ndarray, k: np.ndarray, plan: TopkPlan, element: tuple[int, ...]) -> Explanation:
    """Explain values[element]."""
    e = Explanation()
    e.given("x", x[element[:-1]], "the row")
    e.given("rank", element[-1], "how many elements come before")
    e.derive("sorted_row", "falling(x)", "the row in falling order; of equal ones the first comes first")
    e.derive("y", "sorted_row[rank]", "the output")
    return e
