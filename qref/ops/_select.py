"""What SELECT and SELECT_V2 share: a copy from x where the condition holds, from y elsewhere."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qref.schema.enums import TensorType

from ._elementwise import check_counts, check_same_type
from .node import Node, Operand, Shape


@dataclass(frozen=True, slots=True)
class SelectPlan:
    """Shapes alone."""

    condition_shape: Shape  # in which the condition broadcasts
    output_shape: Shape


def select_operands(node: Node) -> tuple[Operand, Operand, Operand]:
    """Condition, x and y, checked; the output takes the type of x."""
    check_counts(node, 3)
    condition, x, y = node.input(0), node.input(1), node.input(2)
    node.expect_type(condition, TensorType.BOOL)
    check_same_type(node, x, y)
    if x.type.bits not in (8, 16, 32, 64) or x.dtype.itemsize * 8 != x.type.bits:
        node.unsupported(f"{x} has type {x.type.name}; expected elements of 8, 16, 32 or 64 bits")
    node.output().type = x.type
    return condition, x, y


def declared_shape(node: Node) -> Shape | None:
    """The shape that the file declares for the output, kept where all operands and it have one element; else None."""
    shapes = [operand.shape for operand in (node.input(0), node.input(1), node.input(2))]
    shapes.append(tuple(abs(size) for size in node.output().tensor.shape))
    return shapes[-1] if all(np.prod(shape, dtype=np.float64) == 1 for shape in shapes) else None


def select(condition: np.ndarray, x: np.ndarray, y: np.ndarray, plan: SelectPlan) -> np.ndarray:
    """Return x where the condition holds, else y."""
    return np.where(condition.reshape(plan.condition_shape), x, y).reshape(plan.output_shape)
