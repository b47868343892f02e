"""What the reductions share: axes, shapes, and the elements that each output is made of in the order the kernels read them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from qref.schema.enums import TensorType

from ._movement import axes_of, copied, index_vector
from .node import Node, Shape


@dataclass(frozen=True, slots=True)
class ReducePlan:
    """Which axes go, and the shape that is left."""

    axes: Shape  # ascending
    output_shape: Shape
    all_axes: bool  # whether no axis is kept


def prepare_reduction(node: Node, *types: TensorType) -> ReducePlan:
    """Check the operands and resize the output; axes may be negative and may be repeated, a scalar has none."""
    x, axis = node.input(0), node.input(1)
    copied(node, x, *types)
    rank = len(x.shape)
    requested = index_vector(node, axis, TensorType.INT32)
    axes = axes_of(node, requested, rank) if rank else ()
    if node.options.get("keep_dims", False):
        shape = tuple(1 if i in axes else n for i, n in enumerate(x.shape))
    else:
        shape = tuple(n for i, n in enumerate(x.shape) if i not in axes)
    node.resize(0, shape)
    return ReducePlan(axes, shape, len(axes) == rank)


def reduced_count(x_shape: Shape, axes: Shape) -> int:
    """How many elements go into one output."""
    return math.prod(x_shape[axis] for axis in axes)


def rows(x: np.ndarray, axes: Shape) -> np.ndarray:
    """Return x as [outputs, n]: a row holds what goes into one output, in the order of memory."""
    kept = [i for i in range(x.ndim) if i not in axes]
    outputs = math.prod(x.shape[i] for i in kept)
    return x.transpose(*kept, *axes).reshape(outputs, reduced_count(x.shape, axes))


def fold_float32(function: np.ufunc, values: np.ndarray, start: float) -> np.ndarray:
    """Return function(...function(v[0], v[1])..., v[n - 1]) of each row of values [outputs, n] float32, every step rounded.

    `start` where n is 0.
    """
    if values.shape[1] == 0:
        return np.full(len(values), start, values.dtype)
    with np.errstate(all="ignore"):
        return function.accumulate(values, axis=1, dtype=values.dtype)[:, -1]


def summed_values(x: np.ndarray, axes: Shape, element: Shape) -> tuple[int, ...]:
    """The values of x that one output element is made of, as plain numbers in the order of memory, for explanations."""
    kept = [i for i in range(x.ndim) if i not in axes]
    where: list[int | slice] = [slice(None)] * x.ndim
    for i, coordinate in zip(kept, [element[i] for i in kept] if len(element) == x.ndim else element):
        where[i] = coordinate
    return tuple(x[tuple(where)].reshape(-1).tolist())
