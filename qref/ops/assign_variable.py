"""ASSIGN_VARIABLE: gives a variable a value, which it keeps from one invoke to the next.

Layout   handle, one element; x [...] ->
Types    handle resource or int32; x every type
"""

from __future__ import annotations

import math

import numpy as np

from qref.schema.enums import TensorType

from .node import Node, Prepared

Resources = dict[int, np.ndarray]


def prepare(node: Node) -> Prepared:
    """Check the operands; the plan is the interpreter's variables."""
    handle = node.input(0)
    node.input(1)
    node.expect_type(handle, TensorType.RESOURCE, TensorType.INT32)
    node.expect(math.prod(handle.shape) == 1, f"{handle} has shape {list(handle.shape)}; expected a single element")
    return Prepared(assign_variable, node.session.resources, pure=False)


def assign_variable(handle: np.ndarray, x: np.ndarray, resources: Resources) -> tuple[()]:
    """Keep a copy of x."""
    resources[int(handle.reshape(-1)[0])] = x.copy()
    return ()
