"""UNIQUE: the different elements of x in the order in which they appear first, and for each element of x which of them it is.

Layout   x [n] -> values [m], positions [n]
Types    x, values float32, int8, uint8, int16, int32 or int64; positions int32 or int64 as idx_out_type says
"""

from __future__ import annotations

import numpy as np

from qref.schema.enums import TensorType

from ._movement import INDEX, QUANTIZED, copied
from .node import Node, Prepared

TYPES = (*QUANTIZED, TensorType.FLOAT32, TensorType.INT32, TensorType.INT64)


def prepare(node: Node) -> Prepared:
    """Check the operands; only evaluation tells how many values there are."""
    x = node.input(0)
    copied(node, x, *TYPES)
    code = node.options.get("idx_out_type", TensorType.INT32)
    node.expect(code in INDEX, f"idx_out_type is {code}; expected INT32 or INT64")
    node.expect(len(x.shape) == 1, f"{x} has shape {list(x.shape)}; expected a vector")
    node.expect_type(node.output(1), TensorType(code))
    node.resize(1, x.shape)
    return Prepared(unique, node.output(1).dtype)


def unique(x: np.ndarray, position_dtype: np.dtype) -> tuple[np.ndarray, np.ndarray]:
    """Return values and positions."""
    _, first, which = np.unique(x, return_index=True, return_inverse=True)
    order = np.argsort(first)
    place = np.argsort(order)
    return x[first[order]], place[which.reshape(-1)].astype(position_dtype)
