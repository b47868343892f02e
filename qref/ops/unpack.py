"""UNPACK: the slices of x along one axis, without it.

Layout   x [...] -> num outputs of one dimension less
Types    float32, float16, int8, uint8, int16, int32 or bool; all alike
Scales   all alike: the values are copied
"""

from __future__ import annotations

import numpy as np

from qref.schema.enums import TensorType

from ._movement import QUANTIZED, axis_of, copied, expect_same_parameters, explain_copy
from .node import Node, Prepared

TYPES = (*QUANTIZED, TensorType.FLOAT32, TensorType.FLOAT16, TensorType.INT32, TensorType.BOOL)


def prepare(node: Node) -> Prepared:
    """Check the operands and derive the axis."""
    x = node.input(0)
    axis = axis_of(node, node.options.get("axis", 0), len(x.shape))
    count = node.options.get("num", len(node.outputs))
    matches = count == len(node.outputs) == x.shape[axis]
    node.expect(
        matches, f"num is {count}, there are {len(node.outputs)} outputs, and axis {axis} of {x} has {x.shape[axis]} elements"
    )
    for position in range(count):
        y = copied(node, x, *TYPES, position=position)
        expect_same_parameters(node, x, y)
        node.resize(position, x.shape[:axis] + x.shape[axis + 1 :])
    return Prepared(unpack, axis, explain_copy(unpack, 0))


def unpack(x: np.ndarray, axis: int) -> tuple[np.ndarray, ...]:
    """Return the slices."""
    return tuple(piece.copy() for piece in np.moveaxis(x, axis, 0))
