"""RANGE: start, start + delta, ... up to but without limit.

Layout   start [], limit [], delta [] -> y [n]
Types    float32, int32 or int64; all alike

Each element is the one before plus delta, so float32 rounds at every step.
"""

from __future__ import annotations

import math

import numpy as np

from qref.schema.enums import TensorType

from ._movement import copied
from .node import Node, Prepared


def prepare(node: Node) -> Prepared:
    """Check the operands and derive the count."""
    operands = [node.input(position) for position in range(3)]
    for operand in operands:
        copied(node, operand, TensorType.FLOAT32, TensorType.INT32, TensorType.INT64)
        node.expect(operand.shape == (), f"{operand} has shape {list(operand.shape)}; expected a scalar, of shape []")
    start, limit, delta = (operand.value.reshape(()).item() for operand in operands)
    forward = (delta > 0 and start <= limit) or (delta < 0 and start >= limit)
    node.expect(forward and math.isfinite(limit - start), f"start {start}, limit {limit}, delta {delta}: limit cannot be reached")
    if operands[0].type == TensorType.FLOAT32:
        steps = abs((np.float32(limit) - np.float32(start)) / np.float32(delta))
        node.expect(np.isfinite(steps), f"start {start}, limit {limit}, delta {delta}: too many steps")
        count = math.ceil(steps)
    else:
        count = -(-abs(limit - start) // abs(delta))
    node.resize(0, (count,))
    return Prepared(range_from, count)


def range_from(start: np.ndarray, limit: np.ndarray, delta: np.ndarray, count: int) -> np.ndarray:
    """Return y [count]."""
    steps = np.full(count, delta, delta.dtype)
    steps[:1] = start
    with np.errstate(all="ignore"):
        return np.add.accumulate(steps, dtype=start.dtype)
