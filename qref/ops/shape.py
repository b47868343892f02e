"""SHAPE: the dimensions of x; a constant once the shape of x is known.

Layout   x [...] -> y [rank of x]
Types    x every type; y int32 or int64 as out_type says
"""

from __future__ import annotations

import numpy as np

from qref.schema.enums import TensorType

from ._movement import INDEX
from .node import Node, Prepared


def prepare(node: Node) -> Prepared:
    """Check the operands and give the output its value."""
    x, y = node.input(0), node.output()
    code = node.options.get("out_type", TensorType.INT32)
    node.expect(code in INDEX, f"out_type is {code}; expected INT32 or INT64")
    node.resize(0, (len(x.shape),), TensorType(code))
    y.known_value = np.array(x.shape, y.dtype)
    return Prepared(shape, y.dtype)


def shape(x: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Return y."""
    return np.array(x.shape, dtype)
