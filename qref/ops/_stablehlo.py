"""STABLEHLO_ADD, _MULTIPLY, _MAXIMUM and _MINIMUM: two tensors of one shape, element by element.

Layout   a [...], b [...] -> y; all alike, nothing is broadcast
Types    float32, int32 or int64 (wrap); all alike
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from qref.schema.enums import TensorType

from ._formulas import explain_by
from ._movement import copied
from .node import Node, Prepared

Function = Callable[[np.ndarray, np.ndarray], np.ndarray]


def maximum(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The greater element; of equal ones, such as 0 and -0, that of a."""
    return np.where(a < b, b, a)


def minimum(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The lesser element; of equal ones that of a."""
    return np.where(b < a, b, a)


FORMULAS: dict[Function, str] = {
    np.add: "T(x1 + x2)",
    np.multiply: "T(x1 * x2)",
    maximum: "x2 if x1 < x2 else x1",
    minimum: "x2 if x2 < x1 else x1",
}


def prepare_elementwise(node: Node, function: Function) -> Prepared:
    """Check the operands; the plan is the function."""
    a, b = node.input(0), node.input(1)
    copied(node, a, TensorType.FLOAT32, TensorType.INT32, TensorType.INT64)
    node.expect_type(b, a.type)
    node.expect(a.shape == b.shape, f"{a} and {b} have shapes {list(a.shape)} and {list(b.shape)}; expected equal ones")
    node.resize(0, a.shape)
    return Prepared(elementwise, function, explain_by(("y", FORMULAS[function], "")))


def elementwise(a: np.ndarray, b: np.ndarray, function: Function) -> np.ndarray:
    """Return y."""
    with np.errstate(all="ignore"):
        return function(a, b)
