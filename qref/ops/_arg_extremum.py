"""ARG_MAX and ARG_MIN: where along one axis the greatest or least element is; the first of equal ones.

Layout   x [...], axis [] or [1] int32 or int64 -> y without that axis
Types    x float32, int8, uint8, int32 or bool; y int32 or int64 as output_type says

NaN is never taken, unless it comes first: then it stays.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qref.arithmetic.explanation import Explanation
from qref.schema.enums import TensorType

from ._movement import INDEX, axis_of, index_scalar
from .node import Node, Prepared

TYPES = (TensorType.FLOAT32, TensorType.INT8, TensorType.UINT8, TensorType.INT32, TensorType.BOOL)


@dataclass(frozen=True, slots=True)
class ArgPlan:
    """The axis, and which end is sought."""

    axis: int
    greatest: bool
    output_dtype: np.dtype


def prepare_arg(node: Node, *, greatest: bool) -> Prepared:
    """Check the operands and derive the plan."""
    x, axis, y = node.input(0), node.input(1), node.output()
    node.expect_type(x, *TYPES)
    code = node.options.get("output_type", TensorType.INT32)
    node.expect(code in INDEX, f"output_type is {code}; expected INT32 or INT64")
    position = axis_of(node, index_scalar(node, axis), len(x.shape))
    node.expect(x.shape[position] > 0, f"{x} of shape {list(x.shape)} has no element along axis {position}")
    node.resize(0, x.shape[:position] + x.shape[position + 1 :], TensorType(code))
    return Prepared(arg_extremum, ArgPlan(position, greatest, y.dtype), explain)


def arg_extremum(x: np.ndarray, axis: np.ndarray, plan: ArgPlan) -> np.ndarray:
    """Return y int32 or int64."""
    find = np.argmax if plan.greatest else np.argmin
    if x.dtype.kind != "f":
        return find(x, axis=plan.axis).astype(plan.output_dtype)
    found = find(np.where(np.isnan(x), -np.inf if plan.greatest else np.inf, x), axis=plan.axis)
    return np.where(np.isnan(x.take(0, axis=plan.axis)), 0, found).astype(plan.output_dtype)


def explain(x: np.ndarray, axis: np.ndarray, plan: ArgPlan, element: tuple[int, ...]) -> Explanation:
    """Explain y[element]."""
    e = Explanation()
    e.given("x", np.moveaxis(x, plan.axis, -1)[element], "the inputs along the axis")
    e.derive("y", f"first_{'greatest' if plan.greatest else 'least'}(x)", "the position of the first one; NaN behind it never is")
    return e
