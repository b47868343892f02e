"""WHERE: the coordinates of all elements that are not 0.

Layout   x [...] of rank r > 0 -> y [n, r], one row for each of the n elements, in the order of memory
Types    x bool, float32 (NaN counts), int8, uint8, int32, uint32, int64; y int64
Note     n is known once x is, so that a graph may only know this shape while it runs
Source   facts verified in tests/ops/test_where.py
"""

from __future__ import annotations

import numpy as np

from qref.schema.enums import TensorType

from ._elementwise import check_counts
from .node import Node, Prepared

TYPES = (
    TensorType.BOOL,
    TensorType.FLOAT32,
    TensorType.INT8,
    TensorType.UINT8,
    TensorType.INT32,
    TensorType.UINT32,
    TensorType.INT64,
)


def prepare(node: Node) -> Prepared:
    """Check the operand and count its elements that are not 0."""
    check_counts(node, 1)
    x = node.input(0)
    node.expect_type(x, *TYPES)
    node.expect(len(x.shape) > 0, f"{x} is a scalar; expected at least one dimension")
    node.output().type = TensorType.INT64
    node.resize(0, (int(np.count_nonzero(x.value)), len(x.shape)))
    return Prepared(where, None)


def where(x: np.ndarray, plan: None) -> np.ndarray:
    """Return the coordinates y [n, rank] int64 of the elements that are not 0."""
    return np.argwhere(x).astype(np.int64)
