"""REDUCE_MAX and REDUCE_MIN: the greatest or least element over some axes.

Layout   x [...], axes [n] int32 -> y without these axes, or with 1 in their place (keep_dims)
Types    x, y int8, uint8, int16, float32, int32, int64 or bool
Scales   x and y alike: integers are compared as they are

Each kept element starts at the lowest (greatest) finite value of its type, so that nothing gives that value, infinities beyond
it are lost and NaN is never taken. Where every axis goes, the first element is the start instead.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qref.arithmetic.explanation import Explanation
from qref.schema.enums import TensorType

from ._movement import QUANTIZED, expect_same_parameters
from ._reduction import prepare_reduction, rows, summed_values
from .node import Node, Prepared, Shape

TYPES = (*QUANTIZED, TensorType.FLOAT32, TensorType.INT32, TensorType.INT64, TensorType.BOOL)


@dataclass(frozen=True, slots=True)
class ExtremumPlan:
    """What is reduced, and to which end."""

    axes: Shape
    output_shape: Shape
    all_axes: bool
    greatest: bool


def prepare_extremum(node: Node, *, greatest: bool) -> Prepared:
    """Check the operands and derive the plan."""
    plan = prepare_reduction(node, *TYPES)
    if node.input(0).type in QUANTIZED:
        expect_same_parameters(node, node.input(0), node.output())
    return Prepared(extremum, ExtremumPlan(plan.axes, plan.output_shape, plan.all_axes, greatest), explain)


def extremum(x: np.ndarray, axis: np.ndarray, plan: ExtremumPlan) -> np.ndarray:
    """Return y of the type of x."""
    values = rows(x, plan.axes)
    limits = np.finfo(x.dtype) if x.dtype.kind == "f" else np.iinfo(x.dtype) if x.dtype.kind in "iu" else None
    lowest, greatest = (False, True) if limits is None else (limits.min, limits.max)
    start = np.full(len(values), lowest if plan.greatest else greatest, x.dtype)
    if x.size == 0:
        return start.reshape(plan.output_shape)
    start = values[:, 0] if plan.all_axes else start
    comparable = np.where(np.isnan(values), -np.inf if plan.greatest else np.inf, values) if x.dtype.kind == "f" else values
    first = (np.argmax if plan.greatest else np.argmin)(comparable, axis=1)
    found = comparable[np.arange(len(values)), first]
    better = found > start if plan.greatest else found < start
    return np.where(better, found, start).astype(x.dtype).reshape(plan.output_shape)


def explain(x: np.ndarray, axis: np.ndarray, plan: ExtremumPlan, element: Shape) -> Explanation:
    """Explain y[element]."""
    e = Explanation()
    e.given("x", summed_values(x, plan.axes, element), "the inputs that the output is made of, in the order of memory")
    if plan.all_axes and x.size:
        e.derive("start", "x[0]", "with which the search begins")
    elif x.dtype == bool:
        e.given("start", not plan.greatest, "with which the search begins")
    else:
        limits = np.finfo(x.dtype) if x.dtype.kind == "f" else np.iinfo(x.dtype)
        e.given(
            "start", limits.min if plan.greatest else limits.max, "with which the search begins: the type's last finite value"
        )
    e.derive("y", f"{'greatest' if plan.greatest else 'least'}_of(x, start)", "NaN is never taken")
    return e
