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

from qref.schema.enums import TensorType

from ._movement import QUANTIZED, expect_same_parameters
from ._reduction import prepare_reduction, rows
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
    return Prepared(extremum, ExtremumPlan(plan.axes, plan.output_shape, plan.all_axes, greatest))


def extremum(x: np.ndarray, axis: np.ndarray, plan: ExtremumPlan) -> np.ndarray:
    """Return y of the type of x."""
    values, function = rows(x, plan.axes), np.maximum if plan.greatest else np.minimum
    limits = (False, True) if x.dtype == bool else (_limits(x.dtype).min, _limits(x.dtype).max)
    start = np.full(len(values), limits[0] if plan.greatest else limits[1], x.dtype)
    if plan.all_axes and x.size:
        start = values[:, 0]
    if x.dtype.kind == "f":
        values = np.where(np.isnan(values), -np.inf if plan.greatest else np.inf, values).astype(x.dtype)
    found = (
        function.reduce(values, axis=1, initial=-np.inf if plan.greatest else np.inf) if x.dtype.kind == "f" and x.size else None
    )
    if found is None:
        found = function.reduce(values, axis=1, initial=limits[0] if plan.greatest else limits[1])
    return function(start, found).astype(x.dtype).reshape(plan.output_shape)


def _limits(dtype: np.dtype) -> np.finfo | np.iinfo:
    return np.finfo(dtype) if dtype.kind == "f" else np.iinfo(dtype)
