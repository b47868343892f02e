"""REDUCE_WINDOW: the elements in each window of x combined into one.

Layout   x [...], start [], window, strides, dilations [rank of x] int64 -> y
Types    x, start, y float32, int8, uint8, int16, int32 or int64 (ADD, MUL, MINIMUM, MAXIMUM; wrap) or bool (ALL, ANY); alike

The elements are taken in the order of memory, beginning with start.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from qref.arithmetic.explanation import Explanation
from qref.schema.enums import TensorType

from ._explain_fold import explain_fold
from ._movement import QUANTIZED, copied, index_vector
from ._stablehlo import Function, maximum, minimum
from .node import Node, Prepared, Shape

FUNCTIONS: dict[int, Function] = {1: np.add, 2: np.multiply, 3: minimum, 4: maximum, 5: np.logical_and, 6: np.logical_or}
NAMES = {np.add: "sum", np.multiply: "prod", minimum: "min", maximum: "max", np.logical_and: "all", np.logical_or: "any"}
NUMBERS = (*QUANTIZED, TensorType.FLOAT32, TensorType.INT32, TensorType.INT64)


@dataclass(frozen=True, slots=True)
class ReduceWindowPlan:
    """The windows, and how their elements are combined."""

    function: Function
    window: Shape
    strides: Shape
    dilations: Shape
    output_shape: Shape


def prepare(node: Node) -> Prepared:
    """Check the operands and derive the plan."""
    x, start = node.input(0), node.input(1)
    code = node.options.get("reduce_function", 0)
    node.expect(code in FUNCTIONS, f"reduce_function is {code}; expected {min(FUNCTIONS)} to {max(FUNCTIONS)}")
    copied(node, x, *((TensorType.BOOL,) if code in (5, 6) else NUMBERS))
    node.expect_type(start, x.type)
    node.expect(np.prod(start.shape) == 1, f"{start} has shape {list(start.shape)}; expected a single value")
    window, strides, dilations = (index_vector(node, node.input(position), TensorType.INT64) for position in (2, 3, 4))
    rank = len(x.shape)
    for name, numbers in (("window", window), ("strides", strides), ("dilations", dilations)):
        fits = len(numbers) == rank and min(numbers, default=1) > 0
        node.expect(fits, f"{name} {list(numbers)}: expected {rank} positive numbers")
    spans = [(w - 1) * dilation + 1 for w, dilation in zip(window, dilations)]
    fits = all(span <= n for span, n in zip(spans, x.shape))
    node.expect(fits, f"windows of {spans} do not fit into {x} of shape {list(x.shape)}")
    node.resize(0, [(n - span) // stride + 1 for n, span, stride in zip(x.shape, spans, strides)])
    return Prepared(reduce_window, ReduceWindowPlan(FUNCTIONS[code], window, strides, dilations, node.output().shape), explain)


def reduce_window(
    x: np.ndarray, start: np.ndarray, window: np.ndarray, strides: np.ndarray, dilations: np.ndarray, plan: ReduceWindowPlan
) -> np.ndarray:
    """Return y."""
    y = np.full(plan.output_shape, start.reshape(()), x.dtype)
    for place in itertools.product(*map(range, plan.window)):
        taps = tuple(
            slice(at * dilation, at * dilation + (count - 1) * stride + 1, stride)
            for at, dilation, count, stride in zip(place, plan.dilations, plan.output_shape, plan.strides)
        )
        with np.errstate(all="ignore"):
            y = plan.function(y, x[taps])
    return y


def explain(
    x: np.ndarray,
    start: np.ndarray,
    window: np.ndarray,
    strides: np.ndarray,
    dilations: np.ndarray,
    plan: ReduceWindowPlan,
    element: tuple[int, ...],
) -> Explanation:
    """Explain y[element]."""
    found = [
        x[tuple(i * stride + at * dilation for i, stride, at, dilation in zip(element, plan.strides, tap, plan.dilations))].item()
        for tap in np.ndindex(*plan.window)
    ]
    return explain_fold(found, start.item(), NAMES[plan.function], x.dtype)
