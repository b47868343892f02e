"""UNSORTED_SEGMENT_SUM, _MAX, _MIN and _PROD: rows of x that share a number are combined.

Layout   x [n, ...], numbers [n] int32, count [] int32 -> y [count, ...]
         numbers may have more dimensions, the first ones of x
Types    x, y float32 or int32 (wrap); alike

Rows with a negative number are left out.
What no row goes to holds 0 (SUM), 1 (PROD), the lowest (MAX) or greatest (MIN) finite value.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from qref.arithmetic.explanation import Explanation
from qref.errors import InputError
from qref.schema.enums import TensorType

from ._explain_fold import explain_fold
from ._movement import copied, index_scalar
from .node import Node, Prepared, Shape

# (what is there, a row that comes) -> the two combined; of equal numbers, such as 0 and -0, the first one stays
COMBINE: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "sum": np.add,
    "prod": np.multiply,
    "max": lambda y, x: np.where(x > y, x, y),
    "min": lambda y, x: np.where(x < y, x, y),
}


@dataclass(frozen=True, slots=True)
class SegmentPlan:
    """How rows are combined, what each output row starts with, and the operator's name for messages."""

    combine: Callable[[np.ndarray, np.ndarray], np.ndarray]
    start: float
    output_shape: Shape
    name: str


def prepare_unsorted(node: Node, combine: str) -> Prepared:
    """Check the operands and derive the plan."""
    x, numbers, count = node.input(0), node.input(1), node.input(2)
    copied(node, x, TensorType.FLOAT32, TensorType.INT32)
    node.expect_type(numbers, TensorType.INT32)
    fits = 0 < len(numbers.shape) <= len(x.shape) and x.shape[: len(numbers.shape)] == numbers.shape
    node.expect(fits, f"{numbers} has shape {list(numbers.shape)}; expected the first dimensions of {list(x.shape)}")
    node.resize(0, (index_scalar(node, count, TensorType.INT32), *x.shape[len(numbers.shape) :]))
    limits = np.finfo(x.dtype) if x.type == TensorType.FLOAT32 else np.iinfo(x.dtype)
    start = {"sum": 0, "prod": 1, "max": limits.min, "min": limits.max}[combine]
    return Prepared(segment, SegmentPlan(COMBINE[combine], start, node.output().shape, str(node)), explain)


def segment(x: np.ndarray, numbers: np.ndarray, count: np.ndarray, plan: SegmentPlan) -> np.ndarray:
    """Return y, rows taken in their order; InputError where a number is too large."""
    if numbers.size and numbers.max() >= plan.output_shape[0]:
        raise InputError(f"{plan.name}: segment {numbers.max()} is out of range; there are {plan.output_shape[0]}")
    y = np.full(plan.output_shape, plan.start, x.dtype)
    kept = numbers >= 0
    with np.errstate(all="ignore"):
        for number, row in zip(numbers[kept].tolist(), x[kept]):
            y[number] = plan.combine(y[number], row)
    return y


def explain(x: np.ndarray, numbers: np.ndarray, *count_and_more: Any) -> Explanation:
    """Explain y[element]; the last arguments are the count, which SEGMENT_SUM has not, the plan and the element."""
    *_, plan, element = count_and_more
    combine = next(name for name, function in COMBINE.items() if function is plan.combine)
    rows = [row for row in np.ndindex(numbers.shape) if numbers[row] == element[0]]
    return explain_fold([x[(*row, *element[1:])].item() for row in rows], plan.start, combine, x.dtype)
