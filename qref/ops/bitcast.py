"""BITCAST: the bytes of x read as another type, little endian.

Layout   x [...] -> y [...] of the same size of element; [..., n] of elements n times smaller; from [..., n] if n times larger
Types    any of whole bytes
Source   facts verified in tests/ops/test_bitcast.py
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ._elementwise import check_counts
from .node import Node, Prepared, Shape


@dataclass(frozen=True, slots=True)
class BitcastPlan:
    """What the output is."""

    output_shape: Shape
    output_dtype: np.dtype


def prepare(node: Node) -> Prepared:
    """Check the types and derive the shape."""
    check_counts(node, 1)
    x, y = node.input(0), node.output()
    for operand in (x, y):
        if operand.dtype.itemsize * 8 != operand.type.bits:
            node.unsupported(f"{operand} has type {operand.type.name}; expected elements of whole bytes")
    size_x, size_y = x.dtype.itemsize, y.dtype.itemsize
    if size_x > size_y:
        shape = (*x.shape, size_x // size_y)
    elif size_x < size_y:
        count = size_y // size_x
        node.expect(x.shape[-1:] == (count,), f"{x} has shape {list(x.shape)}; expected a last dimension of {count}")
        shape = x.shape[:-1]
    else:
        shape = x.shape
    node.resize(0, shape)
    return Prepared(bitcast, BitcastPlan(node.output().shape, y.dtype))


def bitcast(x: np.ndarray, plan: BitcastPlan) -> np.ndarray:
    """Return the same bytes as plan.output_dtype."""
    return np.frombuffer(bytearray(x.tobytes()), plan.output_dtype).reshape(plan.output_shape)
