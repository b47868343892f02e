"""RESHAPE: the elements of x, in their order, in another shape.

Layout   x [...], shape [n] int32 or the option new_shape -> y of that shape; one -1 stands for what is left over
Types    every type; x and y alike
"""

from __future__ import annotations

import math

import numpy as np

from qref.schema.enums import TensorType

from ._movement import copied, explain_copy, index_vector
from .node import Node, Prepared, Shape


def prepare(node: Node) -> Prepared:
    """Check the operands and derive the output's shape."""
    x, shape = node.input(0), node.input(1, optional=True)
    copied(node, x, *TensorType)
    if shape is not None and len(shape.shape) == 1:
        wanted = index_vector(node, shape, TensorType.INT32)
    else:
        wanted = tuple(node.options.get("new_shape", ()))
        wanted = () if wanted == (0,) else wanted  # how early converters wrote the shape of a scalar
    node.resize(0, _fill_in(node, wanted, math.prod(x.shape)))
    return Prepared(reshape, node.output().shape, explain_copy(reshape, 0))


def _fill_in(node: Node, wanted: Shape, elements: int) -> Shape:
    known = math.prod(n for n in wanted if n != -1)
    node.expect(wanted.count(-1) <= 1, f"shape {list(wanted)} has more than one -1: only one dimension can be left over")
    if -1 in wanted:
        node.expect(known != 0, f"shape {list(wanted)}: -1 is undefined beside a dimension of 0")
        wanted = tuple(elements // known if n == -1 else n for n in wanted)
    node.expect(all(n >= 0 for n in wanted), f"shape {list(wanted)} has a negative dimension")
    node.expect(
        math.prod(wanted) == elements, f"{elements} elements cannot take the shape {list(wanted)}; expected as many elements"
    )
    return wanted


def reshape(x: np.ndarray, *inputs_and_shape: np.ndarray | Shape) -> np.ndarray:
    """Return y; the last argument is the plan, the output's shape."""
    return np.array(x).reshape(inputs_and_shape[-1])
