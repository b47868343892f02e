"""SPLIT: x cut into equal pieces along one axis.

Layout   axis [] or [1] int32, x [...] -> num_splits outputs
Types    float32, int8, uint8, int16, int32 or int64; all alike
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qref.schema.enums import TensorType

from ._movement import QUANTIZED, axis_of, copied, explain_copy, index_scalar
from .node import Node, Operand, Prepared

TYPES = (*QUANTIZED, TensorType.FLOAT32, TensorType.INT32, TensorType.INT64)


@dataclass(frozen=True, slots=True)
class SplitPlan:
    """The axis, and where each piece but the first begins."""

    axis: int
    starts: tuple[int, ...]


def prepare(node: Node) -> Prepared:
    """Check the operands and derive the plan."""
    axis, x = node.input(0), node.input(1)
    count = len(node.outputs)
    node.expect(
        node.options.get("num_splits", count) == count, f"num_splits is {node.options.num_splits}; there are {count} outputs"
    )
    node.expect(count > 0, "there are no outputs to split into")
    position = axis_of(node, index_scalar(node, axis, TensorType.INT32), len(x.shape))
    size = x.shape[position]
    node.expect(size % count == 0, f"axis {position} of {x} has {size} elements, which do not divide into {count} equal pieces")
    return prepare_pieces(node, x, position, [size // count] * count)


def prepare_pieces(node: Node, x: Operand, axis: int, sizes: list[int]) -> Prepared:
    """Resize the outputs to the sizes along the axis."""
    for position, size in enumerate(sizes):
        copied(node, x, *TYPES, position=position)
        node.resize(position, (*x.shape[:axis], size, *x.shape[axis + 1 :]))
    starts = tuple(sum(sizes[:k]) for k in range(1, len(sizes)))
    return Prepared(split, SplitPlan(axis, starts), explain_copy(split, 1))


def split(axis: np.ndarray, x: np.ndarray, plan: SplitPlan) -> tuple[np.ndarray, ...]:
    """Return the pieces."""
    return tuple(piece.copy() for piece in np.split(x, plan.starts, axis=plan.axis))
