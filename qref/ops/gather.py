"""GATHER: slices of x along one axis, at given positions.

Layout   x [B..., A..., n, C...], positions [B..., P...] int16, int32 or int64 -> y [B..., A..., P..., C...]
         with batch_dims axes B, and `axis` the one of n
Types    x, y float32, float16, int8, uint8, int16, int32, int64 or bool; y takes the type of x
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from qref.errors import InputError
from qref.schema.enums import TensorType

from ._movement import QUANTIZED, axis_of, explain_copy
from .node import Node, Prepared

TYPES = (
    *QUANTIZED,
    TensorType.FLOAT32,
    TensorType.FLOAT16,
    TensorType.INT32,
    TensorType.INT64,
    TensorType.BOOL,
)
POSITIONS = (TensorType.INT16, TensorType.INT32, TensorType.INT64)


@dataclass(frozen=True, slots=True)
class GatherPlan:
    """The axis and how many leading axes x and the positions share."""

    axis: int
    batch_dims: int
    name: str  # of the operator, for messages


def prepare(node: Node) -> Prepared:
    """Check the operands and derive the plan."""
    x, positions = node.input(0), node.input(1)
    node.expect_type(x, *TYPES)
    node.expect_type(positions, *POSITIONS)
    axis = axis_of(node, node.options.get("axis", 0), len(x.shape))
    batch_dims = node.options.get("batch_dims", 0)
    batch_dims += len(positions.shape) if batch_dims < 0 else 0
    fits = 0 <= batch_dims <= min(axis, len(positions.shape)) and x.shape[:batch_dims] == positions.shape[:batch_dims]
    node.expect(fits, f"batch_dims {batch_dims} does not fit axis {axis}, {list(x.shape)} and positions {list(positions.shape)}")
    node.resize(0, x.shape[:axis] + positions.shape[batch_dims:] + x.shape[axis + 1 :], x.type)
    return Prepared(gather, GatherPlan(axis, batch_dims, str(node)), explain_copy(gather, 0))


def gather(x: np.ndarray, positions: np.ndarray, plan: GatherPlan) -> np.ndarray:
    """Return y; InputError where a position is out of range."""
    check_range(positions, x.shape[plan.axis], plan.name)
    if plan.batch_dims == 0:
        return np.array(x.take(positions.astype(np.int64), axis=plan.axis))
    batch, axis = x.shape[: plan.batch_dims], plan.axis - plan.batch_dims
    slices = x.reshape(math.prod(batch), *x.shape[plan.batch_dims :])
    wanted = positions.reshape(math.prod(batch), *positions.shape[plan.batch_dims :]).astype(np.int64)
    y = np.empty((len(slices), *slices.shape[1 : axis + 1], *wanted.shape[1:], *slices.shape[axis + 2 :]), x.dtype)
    for one, where, out in zip(slices, wanted, y):
        out[...] = one.take(where, axis=axis)
    return y.reshape(batch + y.shape[1:])


def check_range(positions: np.ndarray, n: int, name: str) -> None:
    """Raise InputError unless every position is at least 0 and below n."""
    if positions.size and (positions.min() < 0 or positions.max() >= n):
        found = positions[(positions < 0) | (positions >= n)].reshape(-1)[0]
        raise InputError(f"{name}: index {found} is out of range; expected 0 to {n - 1}")
