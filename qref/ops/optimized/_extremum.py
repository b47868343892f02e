"""REDUCE_MAX and REDUCE_MIN in LiteRT's optimized kernels: as the reference, but float32 starts at the first element.

    r = (r > x[i]) ? r : x[i]

so of equal numbers, 0 and -0, the last is taken, and a NaN stays only where it is last. Infinities are kept.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from qref.arithmetic.explanation import Explanation
from qref.ops._extremum import ExtremumPlan
from qref.ops._reduction import rows, summed_values
from qref.ops.node import Node, Prepared
from qref.schema.enums import TensorType


def prepare_extremum(node: Node, base: Callable[[Node], Prepared]) -> Prepared:
    """The reference's plan."""
    prepared = base(node)
    x = node.input(0)
    return Prepared(extremum, prepared.plan, explain) if x.type == TensorType.FLOAT32 and 0 not in x.shape else prepared


def extremum(x: np.ndarray, axis: np.ndarray, plan: ExtremumPlan) -> np.ndarray:
    """Return y float32."""
    values = rows(x, plan.axes)[:, ::-1]  # the last element first
    before_nan = np.logical_and.accumulate(~np.isnan(values), axis=1)
    worst = np.float32(-np.inf if plan.greatest else np.inf)
    comparable = np.where(before_nan, values, worst)
    chosen = (np.argmax if plan.greatest else np.argmin)(comparable, axis=1)
    return values[np.arange(len(values)), chosen].reshape(plan.output_shape)


def explain(x: np.ndarray, axis: np.ndarray, plan: ExtremumPlan, element: tuple[int, ...]) -> Explanation:
    """Explain y[element]."""
    e = Explanation()
    e.given("x", summed_values(x, plan.axes, element), "the inputs that the output is made of, in the order of memory")
    e.derive("y", f"fold_{'greatest' if plan.greatest else 'least'}(x)", "one by one from the first")
    return e
