"""READ_VARIABLE: what was assigned to a variable last.

Layout   handle, one element -> y, of its declared shape; of the variable's where it is declared as a scalar
Types    handle resource or int32; y every type
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from qref.errors import SpecViolation
from qref.schema.enums import TensorType

from .node import Node, Prepared, Shape


@dataclass(frozen=True, slots=True)
class ReadPlan:
    """The variables, the type and shape to read (None: the variable's), and the operator's name for messages."""

    resources: dict[int, np.ndarray]
    dtype: np.dtype
    shape: Shape | None
    name: str


def prepare(node: Node) -> Prepared:
    """Check the operands and derive the plan."""
    handle, y = node.input(0), node.output()
    node.expect_type(handle, TensorType.RESOURCE, TensorType.INT32)
    node.expect(math.prod(handle.shape) == 1, f"{handle} has shape {list(handle.shape)}; expected a single element")
    shape = tuple(abs(n) for n in y.tensor.shape) or None
    if shape is not None:
        node.resize(0, shape)
    return Prepared(read_variable, ReadPlan(node.session.resources, y.dtype, shape, str(node)), pure=False)


def read_variable(handle: np.ndarray, plan: ReadPlan) -> np.ndarray:
    """Return y; SpecViolation where nothing, or something that does not fit, was assigned."""
    value = plan.resources.get(int(handle.reshape(-1)[0]))
    if value is None:
        raise SpecViolation(
            f"{plan.name}: the variable is read before anything is assigned to it; assign it first, as by CALL_ONCE"
        )
    if value.dtype != plan.dtype or (plan.shape is not None and value.size != math.prod(plan.shape)):
        expected = "any shape" if plan.shape is None else list(plan.shape)
        found = f"{value.dtype} {list(value.shape)}"
        raise SpecViolation(f"{plan.name}: the variable holds {found}; expected {plan.dtype} {expected}")
    return value.copy() if plan.shape is None else value.copy().reshape(plan.shape)
