"""What operators that move data share: the types they take, axes and index vectors, and the parameters of quantized copies."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from qref.arithmetic.explanation import Explanation
from qref.schema.enums import TensorType

from .node import Node, Operand, Shape

INDEX = (TensorType.INT32, TensorType.INT64)
QUANTIZED = (TensorType.INT8, TensorType.UINT8, TensorType.INT16)
EVERY_TYPE = (
    TensorType.FLOAT32,
    TensorType.FLOAT16,
    TensorType.FLOAT64,
    TensorType.INT32,
    TensorType.INT64,
    TensorType.UINT32,
    TensorType.UINT16,
    TensorType.BOOL,
    *QUANTIZED,
)


FIRST_NUMBER = 2**40  # no constant of a plan is so great


def copied(node: Node, x: Operand, *types: TensorType, position: int = 0) -> Operand:
    """Check that x has one of the types and the output at `position` the same; return that output."""
    y = node.output(position)
    node.expect_type(x, *types)
    node.expect_type(y, x.type)
    return y


def index_vector(node: Node, operand: Operand, *types: TensorType) -> Shape:
    """The integers that an operand of shape [n] or [] holds."""
    node.expect_type(operand, *(types or INDEX))
    node.expect(len(operand.shape) <= 1, f"{operand} has shape {list(operand.shape)}; expected a vector of integers")
    return tuple(operand.value.reshape(-1).tolist())


def index_scalar(node: Node, operand: Operand, *types: TensorType) -> int:
    """The one integer that an operand holds."""
    node.expect_type(operand, *(types or INDEX))
    node.expect(np.prod(operand.shape) == 1, f"{operand} has shape {list(operand.shape)}; expected a single integer")
    return int(operand.value.reshape(-1)[0])


def axis_of(node: Node, axis: int, rank: int) -> int:
    """The axis, counted from the end where negative; SpecViolation if there is no such axis."""
    node.expect(-rank <= axis < rank, f"axis {axis} is out of range for {rank} dimensions; expected {-rank} to {rank - 1}")
    return axis + rank if axis < 0 else axis


def axes_of(node: Node, axes: Sequence[int], rank: int) -> Shape:
    """The axes in ascending order, each once."""
    return tuple(sorted({axis_of(node, axis, rank) for axis in axes}))


def parameters(operand: Operand) -> tuple[float, int]:
    """Scale and zero point as LiteRT holds them for a tensor quantized per tensor; (0, 0) for any other."""
    if operand.quantization is None or operand.scales.size != 1:
        return 0.0, 0
    return float(operand.scales[0]), int(operand.zero_points[0])


def expect_same_parameters(node: Node, x: Operand, y: Operand) -> None:
    """SpecViolation unless x and y have the same scale and zero point, as a copy of their integers needs."""
    expected, found = parameters(x), parameters(y)
    node.expect(
        expected == found, f"{x} has scale and zero point {expected}, {y} {found}; they must be equal: the values are copied"
    )


def source_of(
    reference: Callable[..., Any], inputs: Sequence[Any], plan: Any, element: Shape, output: int = 0
) -> tuple[int, Shape] | int:
    """Where a reference that only moves data takes an output element from: the position of an input and an index in it.

    The reference runs on the numbers of elements in their place. Inputs of None are left as they are, in a constant's place its
    value comes back.
    """
    starts, numbered = [], []
    for position, x in enumerate(inputs):
        starts.append(FIRST_NUMBER * (position + 1))
        numbered.append(x if x is None else starts[-1] + np.arange(x.size, dtype=np.int64).reshape(x.shape))
    y = reference(*numbered, plan)
    number = int((y[output] if isinstance(y, tuple) else y)[element])
    position = number // FIRST_NUMBER - 1
    if position < 0:
        return number
    return position, tuple(int(i) for i in np.unravel_index(number - starts[position], inputs[position].shape))


def explain_copy(reference: Callable[..., Any], *positions: int) -> Callable[..., Explanation]:
    """An `explain` of an operator that moves the elements of the inputs at some positions, of all without any."""

    def explain(*arguments: Any, output: int = 0) -> Explanation:
        *inputs, plan, element = arguments
        moved = positions or tuple(range(len(inputs)))

        def of_moved(*numbered: Any) -> Any:
            *numbers, plan = numbered
            return reference(*(n if i in moved else x for i, (n, x) in enumerate(zip(numbers, inputs))), plan)

        e = Explanation()
        explain_source(e, source_of(of_moved, inputs, plan, element, output), inputs)
        e.derive("y", "x", "moved as it is")
        return e

    return explain


def explain_source(e: Explanation, source: tuple[int, Shape] | int, inputs: Sequence[np.ndarray]) -> None:
    """Append which input an element comes from, and where it is there, or that it is a constant: the step "x"."""
    if isinstance(source, int):
        e.given("x", source, "no input's element, but a constant of the operator")
        return
    position, index = source
    e.given("input", position, "the input that the element comes from, 0 the first")
    e.given("index", index, "its index there")
    e.given("x", inputs[position][index].item(), "the element")
