"""BUCKETIZE: how many of the boundaries are at most x.

Layout   x [...] -> y like x
Types    x float32, float64, int32 or int64; y int32; boundaries float32, in rising order

Integers are compared as float32.
"""

from __future__ import annotations

import numpy as np

from qref.arithmetic.explanation import Explanation
from qref.schema.enums import TensorType

from .node import Node, Prepared


def prepare(node: Node) -> Prepared:
    """Check the operands and derive the boundaries."""
    x, y = node.input(0), node.output()
    node.expect_type(x, TensorType.FLOAT32, TensorType.FLOAT64, TensorType.INT32, TensorType.INT64)
    node.expect_type(y, TensorType.INT32)
    boundaries = np.array(node.options.get("boundaries", ()), np.float32)
    node.expect(boundaries.size > 0, "the option boundaries is empty; expected at least one number")
    rising = bool(np.all(boundaries[:-1] <= boundaries[1:]))
    node.expect(rising, f"boundaries {boundaries.tolist()} must be in rising order")
    node.resize(0, x.shape)
    return Prepared(bucketize, boundaries, explain)


def bucketize(x: np.ndarray, boundaries: np.ndarray) -> np.ndarray:
    """Return y int32."""
    compared = x if x.dtype.kind == "f" else x.astype(np.float32)
    return np.searchsorted(boundaries, compared, side="right").astype(np.int32)


def explain(x: np.ndarray, boundaries: np.ndarray, element: tuple[int, ...]) -> Explanation:
    """Explain y[element]."""
    e = Explanation()
    e.given("x", x[element].item(), "the operand's element")
    e.given("boundaries", boundaries, "in rising order")
    e.derive("compared", "x" if x.dtype.kind == "f" else "float32(x)")
    e.derive("y", "sum(int_of(boundaries <= compared))", "how many boundaries are not above it")
    return e
