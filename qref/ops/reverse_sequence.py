"""REVERSE_SEQUENCE: along seq_dim, the first lengths[b] elements of each entry b of batch_dim backwards.

Layout   x [...], lengths [size of batch_dim] int32 or int64 -> y
Types    x, y float32, uint8, int16, int32 or int64; alike
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qref.errors import InputError
from qref.schema.enums import TensorType

from ._movement import INDEX, copied, explain_copy
from .node import Node, Prepared

TYPES = (TensorType.FLOAT32, TensorType.UINT8, TensorType.INT16, TensorType.INT32, TensorType.INT64)


@dataclass(frozen=True, slots=True)
class ReverseSequencePlan:
    """The two axes, and the operator's name for messages."""

    seq_dim: int
    batch_dim: int
    name: str


def prepare(node: Node) -> Prepared:
    """Check the operands and derive the plan."""
    x, lengths = node.input(0), node.input(1)
    copied(node, x, *TYPES)
    node.expect_type(lengths, *INDEX)
    rank = len(x.shape)
    seq_dim, batch_dim = (node.options.get(name, 0) for name in ("seq_dim", "batch_dim"))
    fits = 0 <= seq_dim < rank and 0 <= batch_dim < rank and seq_dim != batch_dim
    node.expect(fits, f"seq_dim is {seq_dim} and batch_dim {batch_dim}; expected two of the axes 0 to {rank - 1}")
    expected = (x.shape[batch_dim],)
    node.expect(lengths.shape == expected, f"{lengths} has shape {list(lengths.shape)}; expected {list(expected)}")
    node.resize(0, x.shape)
    return Prepared(reverse_sequence, ReverseSequencePlan(seq_dim, batch_dim, str(node)), explain_copy(reverse_sequence, 0))


def reverse_sequence(x: np.ndarray, lengths: np.ndarray, plan: ReverseSequencePlan) -> np.ndarray:
    """Return y; InputError where a length is out of range."""
    n = x.shape[plan.seq_dim]
    if lengths.size and (lengths.min() < 0 or lengths.max() > n):
        raise InputError(f"{plan.name}: the lengths {lengths.tolist()} must be from 0 to {n}")
    source = np.arange(n) + np.zeros((len(lengths), 1), np.int64)
    count = lengths.astype(np.int64)[:, None]
    source = np.where(source < count, count - 1 - source, source)
    where = np.moveaxis(x, (plan.batch_dim, plan.seq_dim), (0, 1))
    y = where[np.arange(len(lengths))[:, None], source]
    return np.ascontiguousarray(np.moveaxis(y, (0, 1), (plan.batch_dim, plan.seq_dim)))
