"""PACK: several tensors of one shape, stacked along a new axis.

Layout   x_k [...] -> y with a dimension of values_count more
Types    float32, int8, uint8, int16, int32, int64 or uint32; all alike
Scales   all alike: the values are copied
"""

from __future__ import annotations

import numpy as np

from qref.schema.enums import TensorType

from ._movement import QUANTIZED, axis_of, copied, expect_same_parameters, explain_copy
from .node import Node, Prepared

TYPES = (*QUANTIZED, TensorType.FLOAT32, TensorType.INT32, TensorType.INT64, TensorType.UINT32)


def prepare(node: Node) -> Prepared:
    """Check the operands and derive the axis."""
    inputs = [node.input(position) for position in range(max(len(node.inputs), 1))]
    count, first = node.options.get("values_count", len(inputs)), inputs[0]
    node.expect(count == len(inputs), f"values_count is {count}; there are {len(inputs)} inputs")
    axis = axis_of(node, node.options.get("axis", 0), len(first.shape) + 1)
    for x in inputs:
        y = copied(node, x, *TYPES)
        node.expect(x.shape == first.shape, f"{x} has shape {list(x.shape)}; expected {list(first.shape)} as of {first}")
        expect_same_parameters(node, x, y)
    node.resize(0, (*first.shape[:axis], len(inputs), *first.shape[axis:]))
    return Prepared(pack, axis, explain_copy(pack))


def pack(*inputs_and_axis: np.ndarray | int) -> np.ndarray:
    """Return y; the last argument is the plan, the axis."""
    *inputs, axis = inputs_and_axis
    return np.stack(inputs, axis=axis)
