"""VAR_HANDLE: the number by which READ_VARIABLE and ASSIGN_VARIABLE know a variable, found by its container and shared_name.

Layout   -> handle, one element
Types    handle resource (int32)
"""

from __future__ import annotations

import math

import numpy as np

from qref.schema.enums import TensorType

from .node import Node, Prepared


def prepare(node: Node) -> Prepared:
    """Number the variable, if it has no number yet, and give the output its value."""
    handle = node.output()
    node.expect_type(handle, TensorType.RESOURCE, TensorType.INT32)
    shape = handle.tensor.shape
    node.expect(math.prod(shape) == 1, f"{handle} has shape {list(shape)}; expected a single element")
    key = (node.options.get("container", ""), node.options.get("shared_name", ""))
    number = node.session.resource_ids.setdefault(key, len(node.session.resource_ids))
    node.resize(0, shape)
    handle.known_value = np.full(shape, number, np.int32)
    return Prepared(var_handle, handle.known_value)


def var_handle(handle: np.ndarray) -> np.ndarray:
    """Return the handle."""
    return handle.copy()
