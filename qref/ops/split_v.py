"""SPLIT_V: x cut into pieces of given sizes along one axis.

Layout   x [...], sizes [n] int32 or int64 (one may be -1: the rest), axis [] or [1] int32 -> n outputs
Types    float32, int8, uint8, int16, int32 or int64; all alike
"""

from __future__ import annotations

import numpy as np

from qref.schema.enums import TensorType

from ._movement import axis_of, explain_copy, index_scalar, index_vector
from .node import Node, Prepared
from .split import SplitPlan, prepare_pieces, split


def prepare(node: Node) -> Prepared:
    """Check the operands and derive the plan."""
    x, sizes, axis = node.input(0), node.input(1), node.input(2)
    wanted, position = list(index_vector(node, sizes)), axis_of(node, index_scalar(node, axis, TensorType.INT32), len(x.shape))
    count, size = len(node.outputs), x.shape[position]
    node.expect(len(wanted) == count and count > 0, f"{sizes} holds {len(wanted)} sizes; there are {count} outputs")
    splits = node.options.get("num_splits", count)
    node.expect(splits == count, f"num_splits is {splits}; there are {count} outputs")
    node.expect(wanted.count(-1) <= 1, f"sizes {wanted}: only one can be left over (-1)")
    rest = size - sum(n for n in wanted if n != -1)
    wanted = [rest if n == -1 else n for n in wanted]
    node.expect(
        min(wanted) >= 0 and sum(wanted) == size, f"sizes {wanted} do not add up to the {size} elements of axis {position}"
    )
    return Prepared(split_v, prepare_pieces(node, x, position, wanted).plan, explain_copy(split_v, 0))


def split_v(x: np.ndarray, sizes: np.ndarray, axis: np.ndarray, plan: SplitPlan) -> tuple[np.ndarray, ...]:
    """Return the pieces."""
    return split(axis, x, plan)
