"""What pooling shares: windows over the image, and the plan. Taps outside the image are left out and not counted."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from qref.arithmetic.activation import activation_range, activation_range_float32
from qref.schema.enums import Padding, TensorType

from ._convolution import Axis, Region, expect_rank, window
from ._unary import expect_representable_zero
from .node import Node, Operand, Shape

TYPES = (TensorType.FLOAT32, TensorType.INT8, TensorType.UINT8, TensorType.INT16)


@dataclass(frozen=True, slots=True)
class PoolPlan:
    """What is fixed before the first inference."""

    rows: Axis
    columns: Axis
    count: np.ndarray  # int64 [new H, new W, 1]: taps inside the image
    low: int | np.float32  # limits of the fused activation function, LSB or real
    high: int | np.float32
    output_shape: Shape


def prepare_pooling(node: Node, *types: TensorType) -> PoolPlan:
    """Check the operands, set the output's shape and derive the plan; filter, strides and padding are in the options."""
    node.expect(len(node.inputs) == 1, f"expected 1 input, found {len(node.inputs)}")
    x, y = node.input(0), node.output()
    node.expect_type(x, *types)
    node.expect(y.type == x.type, f"{y} has type {y.type.name}; expected {x.type.name}, that of {x}")
    expect_rank(node, x, *"NHWC")
    rows, columns = (_axis(node, x.shape[1], "h", "height"), _axis(node, x.shape[2], "w", "width"))
    if columns.output_size == 0 and columns.filter_size >= columns.image_size + 2 * columns.stride:  # a width below 0, to LiteRT
        rows = replace(rows, output_size=0)
    node.resize(0, (x.shape[0], rows.output_size, columns.output_size, x.shape[3]))
    count = np.multiply.outer(_count(rows), _count(columns))[..., None]
    low, high = _limits(node, y)
    return PoolPlan(rows, columns, count, low, high, y.shape)


def _axis(node: Node, image_size: int, letter: str, name: str) -> Axis:
    padding, stride, filter_size = (node.options.get(key, 0) for key in ("padding", f"stride_{letter}", f"filter_{name}"))
    node.expect(padding in set(Padding), f"padding is {padding}; expected 0 (SAME) or 1 (VALID)")
    node.expect(stride > 0, f"stride_{letter} is {stride}; expected 1 or more")
    node.expect(filter_size > 0, f"filter_{name} is {filter_size}; expected 1 or more")
    return window(Padding(padding), image_size, filter_size, stride, 1)


def _limits(node: Node, y: Operand) -> tuple[int, int] | tuple[np.float32, np.float32]:
    if y.type == TensorType.FLOAT32:
        return activation_range_float32(node.activation)
    if node.activation == "NONE":
        return int(np.iinfo(y.dtype).min), int(np.iinfo(y.dtype).max)
    node.expect(y.scale > 0, f"{y} has the scale {y.scale}; expected one above 0")
    expect_representable_zero(node, y)
    return activation_range(node.activation, y.dtype, float(y.scale), y.zero_point)


def _count(axis: Axis) -> np.ndarray:
    start = np.arange(axis.output_size, dtype=np.int64) * axis.stride - axis.padding
    return np.minimum(start + axis.filter_size, axis.image_size) - np.maximum(start, 0)


def taps(plan: PoolPlan) -> Iterator[tuple[Region, Region]]:
    """Where each tap that meets the image is in the output and in the image, row after row."""
    for row, column in itertools.product(reach(plan.rows), reach(plan.columns)):
        down, right = plan.rows.overlap(row), plan.columns.overlap(column)
        if down is not None and right is not None:
            yield (slice(None), down[0], right[0]), (slice(None), down[1], right[1])


def reach(axis: Axis) -> range:
    """The taps that can meet the image, whatever the filter's size."""
    first = max(0, axis.padding - (axis.output_size - 1) * axis.stride)
    return range(first, min(axis.filter_size, axis.padding + axis.image_size))


def taps_of(x: np.ndarray, plan: PoolPlan, element: Shape) -> tuple[int | float, ...]:
    """The inputs of one output element inside the image, as plain numbers, row after row, for explanations."""
    n, row, column, channel = element
    rows, columns = (
        range(max(start, 0), min(start + axis.filter_size, axis.image_size))
        for axis, start in (
            (plan.rows, row * plan.rows.stride - plan.rows.padding),
            (plan.columns, column * plan.columns.stride - plan.columns.padding),
        )
    )
    return tuple(x[n, i, j, channel].item() for i in rows for j in columns)
