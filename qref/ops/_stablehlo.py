"""STABLEHLO_ADD, _MULTIPLY, _MAXIMUM, _MINIMUM, _AND and _SHIFT_LEFT: two tensors of one shape, element by element.

Layout   a [...], b [...] -> y; all alike, nothing is broadcast
Types    float32, int32 or int64 (wrap), unless the operator's file names others; all alike
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from qref.schema.enums import TensorType

from ._formulas import explain_by
from ._movement import copied
from .node import Node, Prepared

TYPES = (TensorType.FLOAT32, TensorType.INT32, TensorType.INT64)
Function = Callable[[np.ndarray, np.ndarray], np.ndarray]


def maximum(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The greater element; of equal ones, such as 0 and -0, that of a."""
    return np.where(a < b, b, a)


def minimum(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The lesser element; of equal ones that of a."""
    return np.where(b < a, b, a)


def prepare_elementwise(node: Node, function: Function, formula: str, *types: TensorType) -> Prepared:
    """Check the operands, of one of the types; the plan is the function, which the formula gives of x1 and x2."""
    check_alike(node, *(types or TYPES))
    return Prepared(elementwise, function, explain_by(("y", formula, "")))


def check_alike(node: Node, *types: TensorType) -> None:
    """Check that both operands and the output are of one of the types and of one shape."""
    a, b = node.input(0), node.input(1)
    copied(node, a, *types)
    node.expect_type(b, a.type)
    node.expect(a.shape == b.shape, f"{a} and {b} have shapes {list(a.shape)} and {list(b.shape)}; expected equal ones")
    node.resize(0, a.shape)


def elementwise(a: np.ndarray, b: np.ndarray, function: Function) -> np.ndarray:
    """Return y."""
    with np.errstate(all="ignore"):
        return function(a, b)
